#include "backends/cpu/kernel_library.h"

#include <chrono>
#include <utility>

#include "graph/faults.h"
#include "graph/fork_safety.h"

namespace mpsg {

KernelLibrary* KernelLibrary::shared() {
  // Never destroyed: programs may outlive every static object.
  static auto* const library = kernel_compiler() ? new KernelLibrary(*kernel_compiler()) : nullptr;
  return library;
}

KernelLibrary::Kernels KernelLibrary::require(std::span<const KernelToCompile> kernels,
                                              const Parallel& parallel) {
  const UnforkedWork compiling;
  Kernels found(kernels.size());
  // Own claims are compiled before waiting for others', so that no two threads wait for each other.
  // A wait may end without the kernel (the other's compilation failed): then it is ours to claim.
  while (true) {
    const auto claimed = claim(kernels, found);
    if (!claimed.empty()) compile(kernels, claimed, parallel, found);
    std::unique_lock lock(mutex_);
    bool complete = true;
    for (size_t i = 0; i < kernels.size(); ++i) {
      if (found[i]) continue;
      complete = false;
      const auto& text = kernels[i].text;
      published_.wait(lock, [&] {
        const auto entry = entries_.find(text);
        return entry == entries_.end() || !entry->second.compiling;
      });
    }
    if (complete) return found;
  }
}

// The lock is held.
std::shared_ptr<const CompiledKernel> KernelLibrary::find(const std::string& text) {
  const auto entry = entries_.find(text);
  if (entry == entries_.end()) return nullptr;
  auto kernel = entry->second.kernel.lock();
  if (kernel) keep(text, entry->second, kernel);
  return kernel;
}

std::vector<size_t> KernelLibrary::claim(std::span<const KernelToCompile> kernels, Kernels& found) {
  std::vector<size_t> claimed;
  Kept surplus;
  const std::lock_guard lock(mutex_);
  for (size_t i = 0; i < kernels.size(); ++i) {
    if (found[i]) continue;
    found[i] = find(kernels[i].text);
    if (found[i]) {
      ++statistics_.reused;
      continue;
    }
    auto& entry = entries_[kernels[i].text];
    if (entry.compiling) continue;  // by another thread, or twice in this batch
    entry.compiling = true;
    claimed.push_back(i);
  }
  surplus = drop_surplus();
  return claimed;
}

void KernelLibrary::compile(std::span<const KernelToCompile> kernels,
                            const std::vector<size_t>& claimed, const Parallel& parallel,
                            Kernels& found) {
  std::vector<KernelToCompile> batch;
  using Clock = std::chrono::steady_clock;
  const auto start = Clock::now();
  Kernels compiled;
  try {
    for (const auto i : claimed) {
      fault_here(FaultPoint::kernel_compilation);
      batch.push_back(kernels[i]);
    }
    compiled = compiler_.compile(batch, parallel);
  } catch (...) {
    const std::lock_guard lock(mutex_);
    for (const auto i : claimed) entries_.erase(kernels[i].text);
    published_.notify_all();
    throw;
  }
  const std::chrono::duration<double, std::milli> took = Clock::now() - start;
  Kept surplus;  // unloaded after the lock is given back
  const std::lock_guard lock(mutex_);
  statistics_.compile_milliseconds += took.count();
  for (size_t k = 0; k < claimed.size(); ++k) {
    const auto& text = kernels[claimed[k]].text;
    auto& entry = entries_[text];
    entry.compiling = false;
    entry.kernel = compiled[k];
    ++(compiled[k]->from_disk() ? statistics_.disk_hits : statistics_.compiled);
    found[claimed[k]] = compiled[k];
    keep(text, entry, compiled[k]);
  }
  surplus = drop_surplus();
  forget_unloaded();
  published_.notify_all();
}

// The lock is held. Moves the kernel to the front of what is kept.
void KernelLibrary::keep(const std::string& text, Entry& entry,
                         std::shared_ptr<const CompiledKernel> kernel) {
  if (entry.is_kept) {
    kept_.splice(kept_.begin(), kept_, entry.kept);
    return;
  }
  kept_bytes_ += kernel->code_bytes();
  kept_.emplace_front(text, std::move(kernel));
  entry.kept = kept_.begin();
  entry.is_kept = true;
}

// The lock is held; the caller lets go of what it gets without it, because code is unloaded then.
KernelLibrary::Kept KernelLibrary::drop_surplus() {
  Kept surplus;
  while (kept_.size() > most_kernels_ || kept_bytes_ > most_bytes_) {
    const auto last = std::prev(kept_.end());
    entries_.at(last->first).is_kept = false;
    kept_bytes_ -= last->second->code_bytes();
    surplus.splice(surplus.begin(), kept_, last);
  }
  return surplus;
}

// The lock is held.
void KernelLibrary::forget_unloaded() {
  if (entries_.size() < 2 * kept_.size() + 64) return;
  std::erase_if(entries_, [](const auto& pair) {
    return !pair.second.compiling && !pair.second.is_kept && pair.second.kernel.expired();
  });
}

KernelStatistics KernelLibrary::statistics() const {
  const UnforkedWork reading;
  Kernels loaded;  // given back without the lock: the last owner unloads
  const std::lock_guard lock(mutex_);
  auto statistics = statistics_;
  for (const auto& pair : entries_) {
    auto kernel = pair.second.kernel.lock();
    if (!kernel) continue;
    statistics.code_bytes += kernel->code_bytes();
    loaded.push_back(std::move(kernel));
  }
  return statistics;
}

void KernelLibrary::limit(size_t kernels, size_t bytes) {
  const UnforkedWork changing;
  Kept surplus;
  const std::lock_guard lock(mutex_);
  most_kernels_ = kernels;
  most_bytes_ = bytes;
  surplus = drop_surplus();
}

void KernelLibrary::clear() {
  const UnforkedWork changing;
  Kept surplus;
  const std::lock_guard lock(mutex_);
  for (auto& pair : entries_) pair.second.is_kept = false;
  surplus.swap(kept_);
  kept_bytes_ = 0;
}

}  // namespace mpsg
