#include "backends/cpu/llvm/target.h"

#include <llvm/ADT/StringMap.h>
#include <llvm/TargetParser/Host.h>
#include <llvm/TargetParser/Triple.h>

namespace mpsg {
namespace {

std::string feature_list(const llvm::StringMap<bool>& features) {
  std::string list;
  for (const auto& feature : features) {
    if (!list.empty()) list += ',';
    list += (feature.second ? "+" : "-") + feature.first().str();
  }
  return list;
}

TargetFacts find_host() {
  const auto features = llvm::sys::getHostCPUFeatures();
  const auto has = [&](const char* name) { return features.lookup(name); };
  TargetFacts facts;
  facts.triple = llvm::sys::getProcessTriple();
  facts.cpu = llvm::sys::getHostCPUName().str();
  facts.features = feature_list(features);
  const llvm::Triple triple(facts.triple);
  if (triple.getArch() == llvm::Triple::x86_64) {
    facts.architecture = TargetArchitecture::x86_64;
    facts.has_fma = has("fma");
    facts.has_f16c = has("f16c");
    facts.has_avx2 = has("avx2");
    facts.has_avx512 = has("avx512f") && has("avx512vl") && has("avx512bw") && has("avx512dq");
    facts.has_avx512_bf16 = facts.has_avx512 && has("avx512bf16");
    facts.has_avx512_fp16 = facts.has_avx512 && has("avx512fp16");
    facts.vector_bytes = facts.has_avx512 ? 64 : facts.has_avx2 ? 32 : 16;
    facts.vector_registers = facts.has_avx512 ? 32 : 16;
  } else if (triple.isAArch64()) {
    facts.architecture = TargetArchitecture::aarch64;
    facts.has_fma = true;
    facts.vector_registers = 32;
  }
  return facts;
}

}  // namespace

const TargetFacts& host_target() {
  static const TargetFacts facts = find_host();
  return facts;
}

}  // namespace mpsg
