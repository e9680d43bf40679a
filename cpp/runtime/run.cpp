#include "runtime/run.h"

#include <cstring>
#include <functional>
#include <utility>

#include "graph/environment.h"
#include "mpsg/error.h"
#include "runtime/debug_output.h"
#include "runtime/executable_builder.h"
#include "runtime/queues/pending_data.h"

namespace mpsg {
namespace {

bool overlap(const void* a, size_t a_bytes, const void* b, size_t b_bytes) {
  const auto* const first = static_cast<const std::byte*>(a);
  const auto* const second = static_cast<const std::byte*>(b);
  return std::less<>()(first, second + b_bytes) && std::less<>()(second, first + a_bytes);
}

std::unique_ptr<RunFrame> new_frame(const Executable::State& state) {
  auto frame = std::make_unique<RunFrame>();
  frame->context = state.program->make_context();
  frame->feeds.resize(state.feeds.size());
  frame->results.resize(state.target_types.size());
  frame->copies.resize(state.target_types.size());
  frame->variables.resize(state.variables.size());
  return frame;
}

constexpr const char* interrupted = "it was interrupted";

void append_name(std::string& list, const std::string& name) {
  list += (list.empty() ? "'" : ", '") + name + "'";
}

}  // namespace

RunFrames::~RunFrames() {
  for (auto& slot : slots_) delete slot.load();
}

std::unique_ptr<RunFrame> RunFrames::take() noexcept {
  for (auto& slot : slots_)
    if (RunFrame* const frame = slot.exchange(nullptr, std::memory_order_acquire))
      return std::unique_ptr<RunFrame>(frame);
  return nullptr;
}

void RunFrames::give(std::unique_ptr<RunFrame> frame) noexcept {
  for (auto& slot : slots_) {
    frame.reset(slot.exchange(frame.release(), std::memory_order_acq_rel));
    if (!frame) return;
  }
}

Run::Run(const Executable& executable, std::span<const TensorData> feeds,
         std::span<TensorData> results, std::span<StepTime> times)
    : executable_(executable),
      state_(executable.state()),
      graph_(state_.require_graph()),
      results_(results),
      times_(times) {
  const auto& state = state_;
  if (feeds.size() != state.feeds.size())
    throw FeedError("the executable takes " + std::to_string(state.feeds.size()) + " feeds; " +
                    std::to_string(feeds.size()) + " were given");
  if (results.size() != state.target_types.size())
    throw FeedError("the executable has " + std::to_string(state.target_types.size()) +
                    " results; " + std::to_string(results.size()) + " were given");
  frame_ = state.frames.take();
  if (!frame_) frame_ = new_frame(state);
  for (auto& copy : frame_->copies)
    if (copy.data()) copy = TensorData();  // of a run that failed
  take_feeds(feeds);
  take_results(feeds, results);
  number_ = state.runtime->next_run();
}

void Run::abandon() noexcept {
  if (in_progress_) fail(interrupted);
}

Run::~Run() {
  abandon();
  if (frame_) state_.frames.give(std::move(frame_));
}

void Run::take_feeds(std::span<const TensorData> feeds) {
  for (size_t i = 0; i < feeds.size(); ++i) {
    if (feeds[i].type() != state_.feed_types[i])
      check_feed(graph_->tensor(state_.feeds[i]), state_.feed_types[i], feeds[i].type());
    const auto& value = state_.feed_values[i];
    if (value && std::memcmp(value->data(), feeds[i].data(), value->size()) != 0)
      throw FeedError("'" + graph_->display_name(state_.feeds[i].operation) +
                      "' decides a shape, and the executable was compiled for another value");
    frame_->feeds[i] = PendingData::address_of(feeds[i]);
  }
}

/// Results without memory get some; the others' is checked.
void Run::take_results(std::span<const TensorData> feeds, std::span<TensorData> results) {
  for (size_t i = 0; i < results.size(); ++i) {
    auto& result = results[i];
    if (!PendingData::address_of(result)) {
      result = TensorData(state_.target_types[i]);
      frame_->results[i] = result.data();
      continue;
    }
    if (result.type() != state_.target_types[i])
      throw FeedError("result " + std::to_string(i) + " is " + state_.target_types[i].to_string() +
                      "; the memory given for it is " + result.type().to_string());
    frame_->results[i] = PendingData::address_of(result);
    check_overlap(feeds, results, i);
  }
}

void Run::check_overlap(std::span<const TensorData> feeds, std::span<TensorData> results,
                        size_t i) {
  void* const memory = frame_->results[i];
  const size_t bytes = results[i].byte_count();
  for (size_t other = 0; other < i; ++other)
    if (overlap(memory, bytes, PendingData::address_of(results[other]),
                results[other].byte_count()))
      throw FeedError("the memory of results " + std::to_string(other) + " and " +
                      std::to_string(i) + " overlaps");
  for (size_t feed = 0; feed < feeds.size(); ++feed) {
    const size_t feed_bytes = feeds[feed].byte_count();
    if (!overlap(memory, bytes, frame_->feeds[feed], feed_bytes)) continue;
    if (memory != frame_->feeds[feed] || bytes != feed_bytes)
      throw FeedError("the memory of result " + std::to_string(i) +
                      " overlaps a part of the memory of feed " + std::to_string(feed));
    // Steps may read the feed after the result is begun.
    auto& copy = frame_->copies[i];
    if (!copy.data()) copy = TensorData(state_.target_types[i]);
    frame_->results[i] = copy.data();
  }
}

void Run::begin(RunControl* control) {
  // Once: later runs find their scratch memory already taken from what is free.
  if (!state_.memory_checked.load(std::memory_order_relaxed)) state_.check_memory();
  for (size_t i = 0; i < state_.variables.size(); ++i) {
    const auto& use = state_.variables[i];
    if (use.reads && !use.variable->damage.empty())
      throw ExecutionError("variable '" + use.variable->name +
                           "' has no value: " + use.variable->damage + ". Assign it, or load it");
    frame_->variables[i] = use.variable->bytes->mutable_data();
  }
  auto& frame = *frame_;
  if (debugging(DebugLevel::times)) {
    frame.times.resize(debugging(DebugLevel::kernels) ? state_.plan->steps.size() : 0);
    if (times_.empty()) times_ = frame.times;
    start_ = std::chrono::steady_clock::now();
  }
  state_.program->begin(*frame.context, {frame.feeds, frame.results, frame.variables, graph_->seed,
                                         number_, times_, control});
  in_progress_ = true;
}

bool Run::advance() {
  try {
    if (state_.program->advance(*frame_->context)) return true;
  } catch (const std::exception& error) {
    const auto told = fail(error.what());
    if (told.empty()) throw;
    throw ExecutionError(error.what() + told);
  } catch (...) {
    fail(interrupted);
    throw;
  }
  succeed();
  return false;
}

void Run::succeed() {
  in_progress_ = false;
  for (const auto& use : state_.variables)
    if (use.writes && !use.variable->damage.empty()) use.variable->damage.clear();
  if (debugging(DebugLevel::times))
    debug_ran(executable_, times_, std::chrono::steady_clock::now() - start_);
  for (size_t i = 0; i < results_.size(); ++i) {
    auto& copy = frame_->copies[i];
    if (!copy.data()) continue;
    if (copy.byte_count() > 0)
      std::memcpy(PendingData::address_of(results_[i]), copy.data(), copy.byte_count());
    copy = TensorData();
  }
}

/// Variables written by steps before the one that failed are updated; those that this one, and
/// steps on both sides of it, write are neither old nor new. Returns what to tell of it.
std::string Run::fail(const std::string& reason) noexcept {
  in_progress_ = false;
  const size_t step = frame_->context->step;
  std::string updated, damaged, told;
  try {
    for (const auto& use : state_.variables) {
      if (!use.writes || step < use.first_write) continue;
      if (step > use.last_write) {
        append_name(updated, use.variable->name);
        if (!use.variable->damage.empty()) use.variable->damage.clear();
        continue;
      }
      append_name(damaged, use.variable->name);
      use.variable->damage = "a run failed while it wrote it (" + reason + ")";
    }
    frame_.reset();  // a context in the middle of a run is of no use to the next one
    if (!updated.empty()) told += ". Variables that the run had updated: " + updated;
    if (!damaged.empty())
      told += ". Half written, and without a value until assigned or loaded: " + damaged;
  } catch (const std::bad_alloc&) {
    for (const auto& use : state_.variables)
      if (use.writes) use.variable->damage = "out of memory";  // needs none
    frame_.reset();
  }
  return told;
}

}  // namespace mpsg
