// Emitted kernels against the interpreter: random ones, all conversions, functions, sums; for this
// processor, and for simpler ones of its kind.
#include <doctest/doctest.h>

#include <cmath>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "backends/cpu/llvm/code_generator.h"
#include "backends/cpu/llvm/code_loader.h"
#include "backends/cpu/llvm/emitter.h"
#include "backends/cpu/llvm/target.h"
#include "graph/element_types.h"
#include "kernel_operands.h"
#include "random_kernels.h"
#include "stitched_interpreter.h"

using namespace mpsg;
using namespace mpsg::testing;

namespace {

/// This processor, and what it does without its newest instructions.
std::vector<TargetFacts> targets() {
  std::vector<TargetFacts> targets{host_target()};
  TargetFacts simpler = host_target();
  simpler.features.clear();
  simpler.has_avx512 = simpler.has_avx512_bf16 = simpler.has_avx512_fp16 = false;
  simpler.vector_registers = 16;
  if (host_target().has_avx512) {
    simpler.cpu = "haswell";
    simpler.vector_bytes = 32;
    targets.push_back(simpler);
  }
  if (host_target().has_avx2) {
    simpler.cpu = "nehalem";
    simpler.vector_bytes = 16;
    simpler.has_avx2 = simpler.has_fma = simpler.has_f16c = false;
    targets.push_back(simpler);
  }
  return targets;
}

struct Emitted {
  std::shared_ptr<const LoadedCode> code;
  KernelFunction function() const { return reinterpret_cast<KernelFunction>(code->address()); }
};

Emitted emit(const StitchedKernel& kernel, const TargetFacts& target) {
  CodeGenerator generator(target);
  std::vector<ObjectToLoad> objects(1);
  objects[0].function = "kernel_under_test";
  objects[0].object = generator.object(
      [&](llvm::Module& module) { emit_kernel(module, kernel, objects[0].function, target); });
  return {load_code(std::move(objects)).front()};
}

bool is_nan(DataType type, uint64_t bits) {
  bool nan = false;
  if (!is_floating(type)) return false;
  with_floating(type, [&]<class T>(TypeTag<T>) {
    T value;
    std::memcpy(static_cast<void*>(&value), &bits, sizeof(T));
    nan = std::isnan(static_cast<ComputeType<T>>(value));
  });
  return nan;
}

/// Empty if all bits agree, NaN taken for NaN.
std::string difference(const StitchedKernel& kernel, const RandomKernel& expected,
                       const RandomKernel& emitted) {
  for (size_t i = 0; i < kernel.operands.size(); ++i) {
    const auto type = kernel.operands[i].type;
    const auto size = size_of(type);
    for (size_t at = 0; at < expected.memory[i].bytes().size(); at += size) {
      uint64_t x = 0, y = 0;
      std::memcpy(&x, expected.memory[i].data() + at, size);
      std::memcpy(&y, emitted.memory[i].data() + at, size);
      if (x != y && !(is_nan(type, x) && is_nan(type, y)))
        return "operand " + std::to_string(i) + ", element " + std::to_string(at / size) +
               ": bits " + std::to_string(x) + " expected, " + std::to_string(y) + " emitted\n" +
               kernel.to_text();
    }
  }
  return {};
}

/// In up to four calls, cut anywhere.
void run_in_parts(KernelFunction function, const StitchedKernel& kernel,
                  std::span<void* const> operands, uint64_t seed) {
  const auto all = whole(kernel);
  const int64_t cut = static_cast<int64_t>(seed % 7) * all.end / 7;
  const int64_t lane_cut =
      kernel.reduces() ? all.lane_end : static_cast<int64_t>(seed % 5) * all.lane_end / 5;
  const bool streaming = seed % 2 == 0;
  for (const auto& [begin, end] : {std::pair(all.begin, cut), std::pair(cut, all.end)}) {
    call_kernel(function, kernel, operands, {begin, end, 0, lane_cut, streaming});
    if (!kernel.reduces())
      call_kernel(function, kernel, operands, {begin, end, lane_cut, all.lane_end, streaming});
  }
}

/// A map over one dimension of `count` elements: one input, then what `add` stores.
struct LineMap {
  StitchedKernel kernel;
  ElementBuilder builder{kernel.program};
  Element x;

  LineMap(int64_t count, DataType type) {
    kernel.extents = {count};
    kernel.operands.push_back({type, false});
    kernel.accesses.push_back({0, 0, {1, 0}});
    x = builder.load(0, type);
  }
  void add_store(Element value) {
    const auto index = static_cast<int32_t>(kernel.operands.size());
    kernel.operands.push_back({value.type, true});
    kernel.accesses.push_back({index, 0, {1, 0}});
    kernel.stores.push_back({index, value.id});
  }
  RandomKernel with_memory() const {
    RandomKernel result{kernel, {}};
    for (const auto& operand : kernel.operands)
      result.memory.emplace_back(static_cast<size_t>(kernel.extents[0]) * size_of(operand.type));
    return result;
  }
};

std::vector<double> edge_values() {
  const double infinity = std::numeric_limits<double>::infinity();
  std::vector<double> values{0.0,    -0.0,   infinity, -infinity, std::nan(""), 5e-324,
                             1e-40,  -1e-45, 65504,    65519.99,  65520,        3.4e38,
                             3.5e38, 6e-8,   2.9e-8,   1 + 0x1p-9};
  for (const double limit : {7, 8, 15, 16, 31, 32, 63, 64})
    for (const double nudge : {-1.0, -0.5, 0.0, 0.5, 1.0})
      for (const double sign : {-1.0, 1.0}) values.push_back(sign * (std::exp2(limit) + nudge));
  for (double x = -3; x <= 3; x += 0.25) values.push_back(x);
  return values;
}

template <class T>
void write(const GuardedBytes& memory, size_t index, T value) {
  std::memcpy(memory.data() + index * sizeof(T), static_cast<const void*>(&value), sizeof(T));
}

void write_edges(const RandomKernel& random, DataType type) {
  const auto values = edge_values();
  with_numeric(type, [&]<class T>(TypeTag<T>) {
    for (size_t i = 0; i < values.size(); ++i) {
      if constexpr (std::is_integral_v<T>)
        write(random.memory[0], i, static_cast<T>(static_cast<uint64_t>(i) << (i % 64)));
      else write(random.memory[0], i, T(static_cast<ComputeType<T>>(values[i])));
    }
  });
}

/// The distance in units of the last place of `expected`.
double last_places(float value, double expected) {
  if (std::isnan(expected) || std::isnan(value))
    return std::isnan(expected) == std::isnan(value) ? 0 : 1e9;
  const auto rounded = static_cast<float>(expected);
  if (std::isinf(rounded) || std::isinf(value)) return value == rounded ? 0 : 1e9;
  const double unit =
      std::max(0x1p-149, std::ldexp(1.0, std::ilogb(std::max(std::abs(expected), 0x1p-126)) - 23));
  return std::abs(double(value) - expected) / unit;
}

using Arithmetic = Element (*)(ElementBuilder&, Element x, Element constant);

/// What rows do with 16-bit floats between conversions.
constexpr Arithmetic kArithmetic[] = {
    [](ElementBuilder& b, Element x, Element c) { return b.apply(ElementOp::greater, x, c); },
    [](ElementBuilder& b, Element x, Element c) {
      return b.select(b.apply(ElementOp::greater, x, c), x, b.literal(0, x.type));
    },
    [](ElementBuilder& b, Element x, Element) { return b.apply(ElementOp::add, x, x); },
    [](ElementBuilder& b, Element x, Element c) { return b.apply(ElementOp::multiply, x, c); },
    [](ElementBuilder& b, Element x, Element c) { return b.apply(ElementOp::divide, c, x); },
    [](ElementBuilder& b, Element x, Element) { return b.apply(ElementOp::negate, x); },
    [](ElementBuilder& b, Element x, Element) { return b.apply(ElementOp::absolute, x); },
    [](ElementBuilder& b, Element x, Element c) { return b.apply(ElementOp::maximum, x, c); },
    [](ElementBuilder& b, Element x, Element) { return b.apply(ElementOp::floor, x); },
    [](ElementBuilder& b, Element x, Element) { return b.apply(ElementOp::square_root, x); },
    [](ElementBuilder& b, Element x, Element c) { return b.apply(ElementOp::copy_sign, c, x); },
    [](ElementBuilder& b, Element x, Element) { return b.convert(x, DataType::int32); },
};

/// `scalar`: one element, by the code for operands that are the same for all lanes.
std::string difference_of(Arithmetic arithmetic, DataType type, DataType wide, bool scalar,
                          const TargetFacts& target) {
  LineMap map(scalar ? 1 : static_cast<int64_t>(edge_values().size()), type);
  const auto x = map.builder.convert(map.x, wide);
  const auto result = arithmetic(map.builder, x, map.builder.literal(0.375, wide));
  map.add_store(map.builder.convert(result, type));
  if (scalar)
    for (auto& access : map.kernel.accesses) access.strides[0] = 0;
  const auto expected = map.with_memory(), emitted = map.with_memory();
  for (const auto* random : {&expected, &emitted}) {
    if (scalar) write(random->memory[0], 0, static_cast<uint16_t>(0x3555));
    else write_edges(*random, type);
  }
  const auto theirs = expected.operands(), ours = emitted.operands();
  interpret(map.kernel, theirs);
  const auto code = emit(map.kernel, target);
  run_in_parts(code.function(), map.kernel, ours, 1);
  return difference(map.kernel, expected, emitted);
}

}  // namespace

TEST_CASE("random kernels compute what the interpreter computes") {
  constexpr uint64_t count = 150;
  uint64_t seed = 0;
  for (const auto& target : targets())
    for (uint64_t i = 0; i < count; ++i, ++seed) {
      const auto expected = random_kernel(seed), emitted = random_kernel(seed);
      const auto code = emit(expected.kernel, target);
      const auto theirs = expected.operands(), ours = emitted.operands();
      interpret(expected.kernel, theirs);
      run_in_parts(code.function(), expected.kernel, ours, seed);
      INFO("seed " << seed << " for " << target.cpu);
      CHECK(difference(expected.kernel, expected, emitted) == "");
    }
}

TEST_CASE("conversions between all types agree in every bit") {
  for (const auto& target : targets())
    for (const auto from : computed_types()) {
      if (is_complex(from) || from == DataType::boolean) continue;
      LineMap map(static_cast<int64_t>(edge_values().size()), from);
      for (const auto to : computed_types())
        if (!is_complex(to)) map.add_store(map.builder.convert(map.x, to));
      const auto expected = map.with_memory(), emitted = map.with_memory();
      write_edges(expected, from);
      write_edges(emitted, from);
      const auto theirs = expected.operands(), ours = emitted.operands();
      interpret(map.kernel, theirs);
      const auto code = emit(map.kernel, target);
      run_in_parts(code.function(), map.kernel, ours, 1);
      INFO("from " << data_type_name(from) << " for " << target.cpu);
      CHECK(difference(map.kernel, expected, emitted) == "");
    }
}

// LLVM would move conversions over what is between them, and call routines that nobody has.
TEST_CASE("16-bit floats are computed in wider ones") {
  for (const auto& target : targets())
    for (const auto type : {DataType::float16, DataType::bfloat16})
      for (const auto wide : {DataType::float32, DataType::float64})
        for (const bool scalar : {false, true})
          for (const auto arithmetic : kArithmetic) {
            INFO(data_type_name(type) << " in " << data_type_name(wide) << " for " << target.cpu);
            CHECK(difference_of(arithmetic, type, wide, scalar, target) == "");
          }
}

TEST_CASE("functions stay within their bound") {
  const auto values = edge_values();
  LineMap map(static_cast<int64_t>(values.size()), DataType::float32);
  std::vector<ElementOp> operations;
  for (auto op = ElementOp::exponent; op <= ElementOp::sigmoid;
       op = static_cast<ElementOp>(static_cast<int>(op) + 1))
    if (element_op_arity(op) == 1) {
      operations.push_back(op);
      map.add_store(map.builder.apply(op, map.x));
    }
  LineMap exact(static_cast<int64_t>(values.size()), DataType::float64);
  for (const auto op : operations) exact.add_store(exact.builder.apply(op, exact.x));
  const auto wide = exact.with_memory();
  for (size_t i = 0; i < values.size(); ++i)
    write(wide.memory[0], i, double(static_cast<float>(values[i])));
  const auto theirs = wide.operands();
  interpret(exact.kernel, theirs);
  for (const auto& target : targets()) {
    const auto narrow = map.with_memory();
    write_edges(narrow, DataType::float32);
    const auto ours = narrow.operands();
    const auto code = emit(map.kernel, target);
    call_kernel(code.function(), map.kernel, ours, whole(map.kernel));
    for (size_t k = 0; k < operations.size(); ++k)
      for (size_t i = 0; i < values.size(); ++i) {
        const auto* result = reinterpret_cast<const float*>(narrow.memory[k + 1].data());
        const auto* correct = reinterpret_cast<const double*>(wide.memory[k + 1].data());
        INFO(element_op_name(operations[k]) << " of " << static_cast<float>(values[i]) << " is "
                                            << result[i] << ", not " << correct[i]);
        CHECK(last_places(result[i], correct[i]) <= 2.5);  // 2, and the rounding of ours
      }
  }
}

TEST_CASE("the error of sums does not grow with their length") {
  const int64_t rows = 30000, columns = 37;
  for (const bool lane_reduced : {false, true})
    for (const auto& target : targets()) {
      StitchedKernel kernel;  // sums along the rows, or columns, of the same memory
      kernel.extents = lane_reduced ? std::vector{columns, rows} : std::vector{rows, columns};
      kernel.parallel = lane_reduced ? 1 : 0;
      kernel.lane_reduced = lane_reduced;
      kernel.operands = {{DataType::float32, false}, {DataType::float32, true}};
      kernel.accesses = {
          {0, 0,
           lane_reduced ? std::vector{rows, int64_t{1}, int64_t{0}}
                        : std::vector{columns, int64_t{1}, int64_t{0}}},
          {1, 0, lane_reduced ? std::vector<int64_t>{1, 0, 0} : std::vector<int64_t>{0, 1, 0}}};
      ElementBuilder builder(kernel.program);
      const auto x = builder.load(0, DataType::float32);
      kernel.reductions.push_back({FoldKind::sum, x.id, DataType::float32});
      kernel.stores.push_back({1, builder.reduced(0, DataType::float32).id});
      std::vector<float> values(static_cast<size_t>(rows * columns)), expected(columns),
          sums(columns);
      for (size_t i = 0; i < values.size(); ++i)
        values[i] = static_cast<float>(i * 2654435761u % 1000003) / 1000003;
      void* const theirs[] = {values.data(), expected.data()};
      interpret(kernel, theirs);
      void* const ours[] = {values.data(), sums.data()};
      const auto code = emit(kernel, target);
      call_kernel(code.function(), kernel, ours, whole(kernel));
      for (size_t i = 0; i < sums.size(); ++i) {
        INFO("sum " << i << ": " << sums[i] << " for " << expected[i]);
        CHECK(std::abs(sums[i] - expected[i]) <= 4e-6 * std::abs(expected[i]));
      }
    }
}

TEST_CASE("a map may write over what it reads") {
  LineMap map(1000, DataType::float32);
  map.add_store(
      map.builder.apply(ElementOp::add, map.x, map.builder.literal(1, DataType::float32)));
  for (const auto& target : targets()) {
    std::vector<float> values(1000);
    for (size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(i);
    void* const operands[] = {values.data(), values.data()};
    const auto code = emit(map.kernel, target);
    call_kernel(code.function(), map.kernel, operands, whole(map.kernel));
    for (size_t i = 0; i < values.size(); ++i) CHECK(values[i] == static_cast<float>(i + 1));
  }
}

TEST_CASE("code depends on the canonical text alone") {
  for (uint64_t seed = 0; seed < 20; ++seed) {
    const auto kernel = random_kernel(seed).kernel;
    auto other = kernel;
    for (auto& extent : other.extents) extent += 3;
    for (auto& access : other.accesses) access.offset += 5;
    if (other.canonical_text() != kernel.canonical_text()) continue;
    CodeGenerator generator(host_target());
    const auto text = [&](const StitchedKernel& of) {
      return generator.intermediate_representation(
          [&](llvm::Module& module) { emit_kernel(module, of, "kernel", host_target()); });
    };
    CHECK(text(kernel) == text(other));
  }
}
