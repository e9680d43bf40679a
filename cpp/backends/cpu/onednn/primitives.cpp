#include "backends/cpu/onednn/primitives.h"

#include "graph/fork_safety.h"

// Weak: a oneDNN that was built without OpenMP brings no libgomp, and needs no guard.
extern "C" {
int omp_get_max_threads() __attribute__((weak));
void omp_set_num_threads(int) __attribute__((weak));
}

namespace mpsg::onednn {
namespace {

constexpr size_t cache_capacity = 1024;

/// A primitive that runs at the speed the library is used for.
PrimitivePointer make_primitive(const Describe& describe) {
  const SingleThread guard;
  try {
    const dnnl::primitive_desc_base description = describe();
    if (!description) return nullptr;
    const std::string implementation = description.impl_info_str();
    // "ref:any" and "simple:any" are plain loops, ten to seventy times slower than the others.
    if (implementation.starts_with("ref") || implementation.starts_with("simple:any"))
      return nullptr;
    return std::make_shared<const Primitive>(dnnl::primitive(description.get()), description);
  } catch (const dnnl::error&) {
    return nullptr;
  }
}

}  // namespace

SingleThread::SingleThread() {
  if (!omp_get_max_threads || !omp_set_num_threads) return;
  threads_before_ = omp_get_max_threads();
  if (threads_before_ != 1) omp_set_num_threads(1);
}

SingleThread::~SingleThread() {
  if (threads_before_ > 1) omp_set_num_threads(threads_before_);
}

const dnnl::engine& cpu_engine() {
  static const dnnl::engine engine(dnnl::engine::kind::cpu, 0);
  return engine;
}

const dnnl::primitive_attr& user_scratchpad() {
  static const dnnl::primitive_attr attributes = [] {
    dnnl::primitive_attr made;
    made.set_scratchpad_mode(dnnl::scratchpad_mode::user);
    return made;
  }();
  return attributes;
}

PrimitivePointer PrimitiveCache::find_or_make(const PrimitiveKey& key, const Describe& describe) {
  const UnforkedWork work;
  const std::lock_guard lock(mutex_);
  if (const auto found = index_.find(key); found != index_.end()) {
    ++statistics_.found;
    entries_.splice(entries_.begin(), entries_, found->second);
    return found->second->second;
  }
  auto primitive = make_primitive(describe);
  ++(primitive ? statistics_.created : statistics_.refused);
  entries_.emplace_front(key, primitive);
  index_[key] = entries_.begin();
  if (entries_.size() > capacity_) {
    index_.erase(entries_.back().first);
    entries_.pop_back();
  }
  return primitive;
}

PrimitiveCache::Statistics PrimitiveCache::statistics() const {
  const UnforkedWork work;
  const std::lock_guard lock(mutex_);
  Statistics result = statistics_;
  result.held = static_cast<int64_t>(entries_.size());
  return result;
}

void PrimitiveCache::clear() {
  const UnforkedWork work;
  const std::lock_guard lock(mutex_);
  index_.clear();
  entries_.clear();
}

PrimitiveCache& PrimitiveCache::instance() {
  static auto* const cache = new PrimitiveCache(cache_capacity);  // outlives static kernels
  return *cache;
}

PrimitivePointer make_reorder(const dnnl::memory::desc& from, const dnnl::memory::desc& to,
                              PrimitiveKey key) {
  key.insert(key.begin(), static_cast<int64_t>(PrimitiveKind::reorder));
  return PrimitiveCache::instance().find_or_make(key, [&]() -> dnnl::primitive_desc_base {
    return dnnl::reorder::primitive_desc(cpu_engine(), from, cpu_engine(), to, user_scratchpad(),
                                         /*allow_empty=*/true);
  });
}

}  // namespace mpsg::onednn
