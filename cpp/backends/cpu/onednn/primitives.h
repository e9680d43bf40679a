// oneDNN primitives: made once for each shape, shared by every kernel that needs them.
#pragma once

#include <cstdint>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "oneapi/dnnl/dnnl.hpp"

namespace mpsg::onednn {

/// While one lives, oneDNN opens no OpenMP team on this thread; afterwards the thread's setting is
/// what it was, because the thread may be the user's, and the user's torch reads it too.
class SingleThread {
 public:
  SingleThread();
  ~SingleThread();
  SingleThread(const SingleThread&) = delete;
  SingleThread& operator=(const SingleThread&) = delete;

 private:
  int threads_before_ = 0;
};

const dnnl::engine& cpu_engine();

/// A compiled primitive and what it expects of its arguments.
class Primitive {
 public:
  Primitive(dnnl::primitive primitive, dnnl::primitive_desc_base description)
      : primitive_(std::move(primitive)), description_(std::move(description)) {}

  dnnl_primitive_t get() const { return primitive_.get(); }
  /// Layout of argument DNNL_ARG_...; zero-sized if the primitive has no such argument.
  dnnl::memory::desc layout(int argument) const {
    return description_.query_md(dnnl::query::exec_arg_md, argument);
  }
  /// "brgconv:avx2".
  std::string implementation() const { return description_.impl_info_str(); }

 private:
  dnnl::primitive primitive_;
  dnnl::primitive_desc_base description_;
};
using PrimitivePointer = std::shared_ptr<const Primitive>;

/// The description of a primitive to make: empty if the library has no implementation.
using Describe = std::function<dnnl::primitive_desc_base()>;

/// Everything that tells two primitives apart, as numbers.
using PrimitiveKey = std::vector<int64_t>;
/// First number of a key.
enum class PrimitiveKind : int64_t {
  convolution,
  convolution_data_gradient,
  convolution_weights_gradient,
  pooling,
  pooling_gradient,
  reorder,
};

/// Bounded, least recently used first out. Kernels keep what they use alive.
class PrimitiveCache {
 public:
  explicit PrimitiveCache(size_t capacity) : capacity_(capacity) {}

  /// nullptr if the library has only reference code for it, or nothing: that is remembered too.
  PrimitivePointer find_or_make(const PrimitiveKey& key, const Describe& describe);

  struct Statistics {
    int64_t created = 0;
    int64_t found = 0;
    int64_t refused = 0;
    int64_t held = 0;
  };
  Statistics statistics() const;
  void clear();

  static PrimitiveCache& instance();

 private:
  using Entry = std::pair<PrimitiveKey, PrimitivePointer>;

  mutable std::mutex mutex_;
  const size_t capacity_;
  std::list<Entry> entries_;  // the most recently used first
  std::map<PrimitiveKey, std::list<Entry>::iterator> index_;
  Statistics statistics_;
};

/// Copies between two layouts of the same tensor. `key` names both, without the kind.
PrimitivePointer make_reorder(const dnnl::memory::desc& from, const dnnl::memory::desc& to,
                              PrimitiveKey key);

/// Attributes that every primitive of ours has: scratchpad memory comes from the kernel.
const dnnl::primitive_attr& user_scratchpad();

}  // namespace mpsg::onednn
