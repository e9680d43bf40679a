#include "runtime/specializations.h"

#include <algorithm>

#include "mpsg/error.h"
#include "runtime/executable_builder.h"
#include "runtime/executable_state.h"
#include "runtime/key_writer.h"
#include "runtime/queues/scheduler.h"

namespace mpsg {
namespace {

std::atomic<uint64_t> last_id{0};

std::string key_of(const Specializations& of, std::span<const TensorType> types) {
  KeyWriter writer;
  writer.put(uint64_t{0});  // no graph has this id
  writer.put(of.id);
  for (const auto& type : types) writer.put(type);
  return std::string(writer.text());
}

CompileRequest request_for(const Executable::State& state, std::span<const TensorType> types) {
  CompileRequest request;
  const auto data = state.require_graph();
  request.graph = Graph(data);
  request.device = state.device;
  for (size_t i = 0; i < types.size(); ++i) {
    const auto placeholder = data->tensor(state.feeds[i]);
    check_feed(placeholder, placeholder.type(), types[i]);
    // What was left open when it was compiled may be anything; the rest is as it was then, unless
    // somebody specialized it.
    if (!state.specializations->wanted) check_feed(placeholder, state.feed_types[i], types[i]);
    if (!types[i].shape.is_static())
      throw FeedError("placeholder '" + placeholder.name() + "': every size must be known, got " +
                      types[i].to_string());
    request.feeds.push_back({placeholder, types[i], nullptr});
  }
  for (const auto id : state.targets) request.targets.push_back(data->tensor(id));
  for (const auto id : state.operations) request.operations.emplace_back(data, id);
  request.options.callables = state.callables;
  request.options.stitch = state.stitch;
  return request;
}

}  // namespace

Specializations::Specializations() : id(++last_id) {}

std::shared_ptr<const Executable> specialization_for(const Executable& executable,
                                                     std::span<const TensorType> types,
                                                     CallerLock& caller) {
  const auto& state = executable.state();
  if (types.size() != state.feeds.size())
    throw FeedError("the executable takes " + std::to_string(state.feeds.size()) + " feeds; " +
                    std::to_string(types.size()) + " were given");
  if (!state.open() && std::ranges::equal(types, state.feed_types)) return nullptr;
  auto& specializations = *state.specializations;
  auto found = ExecutableCache::shared().get(
      state.require_graph()->id(), key_of(specializations, types), caller,
      [&] { return ExecutableBuilder::build(request_for(state, types), caller); });
  const std::lock_guard lock(specializations.mutex);
  specializations.last = found;
  return found;
}

std::shared_ptr<const Executable> specialization_for(const Executable& executable,
                                                     std::span<const TensorData> feeds,
                                                     CallerLock& caller) {
  const auto& state = executable.state();
  if (!state.specializations || (!state.open() && !state.specializations->wanted)) return nullptr;
  std::vector<TensorType> types;
  for (const auto& feed : feeds) types.push_back(feed.type());
  return specialization_for(executable, types, caller);
}

void wait_for_compilation(const Executable& executable, CallerLock& caller) {
  const auto& compilation = executable.compilation();
  if (!compilation || compilation->done()) return;
  Scheduler::shared().wait(*compilation, caller);
}

void Executable::specialize(const std::vector<TensorType>& input_types) const {
  CallerLock none;
  specialize_executable(*this, input_types, none);
}

std::vector<TensorType> Executable::output_types(const std::vector<TensorType>& input_types) const {
  CallerLock none;
  return output_types_for(*this, input_types, none);
}

namespace {

Specializations& require_specializations(const Executable& executable) {
  const auto& specializations = executable.state().specializations;
  if (!specializations)
    throw GraphError("only what Graph::compile made can be specialized for other types");
  return *specializations;
}

}  // namespace

void specialize_executable(const Executable& executable, std::span<const TensorType> types,
                           CallerLock& caller) {
  auto& specializations = require_specializations(executable);
  const bool before = specializations.wanted.exchange(true);
  try {
    specialization_for(executable, types, caller);
  } catch (...) {
    specializations.wanted = before;
    throw;
  }
}

std::vector<TensorType> output_types_for(const Executable& executable,
                                         std::span<const TensorType> types, CallerLock& caller) {
  specialize_executable(executable, types, caller);
  const auto found = specialization_for(executable, types, caller);
  return found ? found->output_types() : executable.output_types();
}

const Executable::State& Executable::inspected() const {
  const auto& own = state();
  if (!own.open()) return own;
  const std::lock_guard lock(own.specializations->mutex);
  if (!own.specializations->last)
    throw GraphError("the executable has open sizes: nothing is compiled before it is run, or "
                     "specialized for feed types");
  return own.specializations->last->inspected();
}

}  // namespace mpsg
