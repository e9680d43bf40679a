// What the emitter must know of the processor it writes code for. No LLVM type appears here.
#pragma once

#include <string>

namespace mpsg {

enum class TargetArchitecture { x86_64, aarch64, other };

struct TargetFacts {
  TargetArchitecture architecture = TargetArchitecture::other;
  std::string triple;
  std::string cpu;        // LLVM's name: "znver4"
  std::string features;   // LLVM's list: "+avx2,+fma,..."
  int vector_bytes = 16;  // of one register that kernels use: 16, 32 or 64
  int vector_registers = 16;
  bool has_fma = false;
  bool has_f16c = false;  // conversion of float16
  bool has_avx2 = false;
  bool has_avx512 = false;       // F, VL, BW and DQ
  bool has_avx512_bf16 = false;  // conversion to bfloat16
  bool has_avx512_fp16 = false;
};

/// Of the processor this process runs on; found once.
const TargetFacts& host_target();

}  // namespace mpsg
