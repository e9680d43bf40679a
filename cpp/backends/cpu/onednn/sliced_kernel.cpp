#include "backends/cpu/onednn/sliced_kernel.h"

#include <algorithm>
#include <bit>

#include "mpsg/error.h"

namespace mpsg::onednn {
namespace {

constexpr size_t alignment = 64;

void require_success(dnnl_status_t status, const char* what) {
  if (status == dnnl_success) return;
  throw ExecutionError(
      std::string("oneDNN ") + what + " failed: " +
      (status == dnnl_out_of_memory ? "out of memory" : "status " + std::to_string(status)));
}

}  // namespace

char* Addresses::operator()(const Place& place) const {
  const auto at = [&](std::span<void* const> pointers) {
    return static_cast<char*>(pointers[static_cast<size_t>(place.index)]) + place.offset;
  };
  switch (place.base) {
    case Place::Base::input: return at(arguments->inputs);
    case Place::Base::output: return at(arguments->outputs);
    case Place::Base::shared: return shared + place.offset;
    case Place::Base::slot: break;
  }
  return slot + place.offset;
}

Place Arena::take(size_t bytes) {
  const Place place{base_, 0, size_};
  size_ += (bytes + alignment - 1) / alignment * alignment;
  return place;
}

Call::Call(PrimitivePointer primitive, const std::vector<std::pair<int, Place>>& arguments)
    : primitive_(std::move(primitive)), stream_(cpu_engine()) {
  for (const auto& [argument, place] : arguments) {
    memories_.emplace_back(primitive_->layout(argument), cpu_engine(),
                           static_cast<void*>(DNNL_MEMORY_NONE));
    places_.push_back(place);
    execution_.push_back({argument, memories_.back().get()});
  }
}

void Call::run(const Addresses& addresses) const {
  for (size_t i = 0; i < places_.size(); ++i)
    require_success(dnnl_memory_set_data_handle(execution_[i].memory, addresses(places_[i])),
                    "binding memory");
  require_success(dnnl_primitive_execute(primitive_->get(), stream_.get(),
                                         static_cast<int>(execution_.size()), execution_.data()),
                  "execution");
}

void Task::add(const PrimitivePointer& primitive, std::vector<std::pair<int, Place>> arguments) {
  const size_t scratchpad = primitive->layout(DNNL_ARG_SCRATCHPAD).get_size();
  if (scratchpad > 0) arguments.emplace_back(DNNL_ARG_SCRATCHPAD, take(scratchpad));
  calls_.emplace_back(primitive, arguments);
}

void Task::run(const Addresses& addresses) const {
  for (const auto& call : calls_) call.run(addresses);
}

void SlicedKernel::add_phase(std::vector<Task> tasks) {
  for (const auto& task : tasks) slot_bytes_ = std::max(slot_bytes_, task.slot_bytes());
  phases_.push_back({std::move(tasks), nullptr});
}

void SlicedKernel::add_phase(Function function) { phases_.push_back({{}, std::move(function)}); }

size_t SlicedKernel::workspace_bytes() const {
  return shared_.size() + static_cast<size_t>(pool_.threads()) * slot_bytes_;
}

void SlicedKernel::run(const KernelArguments& arguments) const {
  char* const workspace = static_cast<char*>(arguments.workspace);
  const Addresses addresses{&arguments, workspace, workspace + shared_.size()};
  for (const auto& phase : phases_) {
    if (phase.function) phase.function(addresses, pool_);
    else run_tasks(phase.tasks, addresses);
  }
}

// The pool is given one loop for each thread, so that a loop can own a slot of the workspace; the
// loops share out the tasks among themselves.
void SlicedKernel::run_tasks(const std::vector<Task>& tasks, const Addresses& addresses) const {
  std::atomic<size_t> next{0};
  const auto loops = std::min(static_cast<int64_t>(tasks.size()), int64_t{pool_.threads()});
  pool_.run_tasks(loops, [&](int64_t slot) {
    const SingleThread guard;
    Addresses mine = addresses;
    mine.slot += static_cast<size_t>(slot) * slot_bytes_;
    for (size_t i = next.fetch_add(1); i < tasks.size(); i = next.fetch_add(1)) tasks[i].run(mine);
  });
}

std::vector<BatchSlice> slice_batch(int64_t batch, int64_t threads, int64_t most) {
  std::vector<BatchSlice> slices;
  int64_t begin = 0;
  for (int64_t thread = 0; thread < threads; ++thread) {
    int64_t share = batch / threads + (thread < batch % threads ? 1 : 0);
    while (share > 0) {
      const auto power = static_cast<int64_t>(std::bit_floor(static_cast<uint64_t>(share)));
      const int64_t size = std::min(power, most);
      slices.push_back({begin, size});
      begin += size;
      share -= size;
    }
  }
  std::stable_sort(slices.begin(), slices.end(),
                   [](const auto& a, const auto& b) { return a.size > b.size; });
  return slices;
}

std::vector<BatchSlice> image_slices(int64_t batch, double operations_per_image,
                                     const ThreadPool& pool) {
  constexpr double operations_of_slice = 40e6;
  const int64_t threads = useful_threads(pool, operations_per_image * static_cast<double>(batch));
  const double by_work = std::clamp(operations_of_slice / operations_per_image, 1.0, 1e9);
  const int64_t by_count = (batch - 1) / (8 * threads) + 1;
  const auto most = std::max(std::bit_floor(static_cast<uint64_t>(by_work)),
                             std::bit_ceil(static_cast<uint64_t>(by_count)));
  return slice_batch(batch, threads, static_cast<int64_t>(most));
}

int64_t useful_threads(const ThreadPool& pool, double operations) {
  constexpr double operations_of_20_us = 2e6;
  return std::clamp<int64_t>(static_cast<int64_t>(operations / operations_of_20_us), 1,
                             pool.threads());
}

std::string describe_slices(const std::string& implementation, size_t slices) {
  return "oneDNN " + implementation + ", " + std::to_string(slices) +
         (slices == 1 ? " slice" : " slices");
}

}  // namespace mpsg::onednn
