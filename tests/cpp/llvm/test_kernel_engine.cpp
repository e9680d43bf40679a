// The kernel compiler: code that runs, is unloaded, is kept on disk, and errors that are no ends.
#include <doctest/doctest.h>
#include <llvm/IR/DerivedTypes.h>
#include <llvm/IR/IRBuilder.h>
#include <llvm/Support/xxhash.h>
#include <sys/stat.h>

#include <algorithm>
#include <atomic>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <numeric>
#include <string>
#include <thread>
#include <vector>

#include "backends/cpu/bound_kernel.h"
#include "backends/cpu/kernel_compiler.h"
#include "backends/cpu/llvm/code_generator.h"
#include "backends/cpu/llvm/code_loader.h"
#include "backends/cpu/llvm/kernel_object_cache.h"
#include "mpsg/error.h"

using namespace mpsg;

namespace {

/// result[i] = input[i] * factor + input[i], over float32.
StitchedKernel scaling_kernel(int64_t count, double factor) {
  StitchedKernel kernel;
  kernel.extents = {count};
  kernel.operands = {{DataType::float32, false}, {DataType::float32, true}};
  kernel.accesses = {{0, 0, {1, 0}}, {1, 0, {1, 0}}};
  ElementBuilder builder(kernel.program);
  const auto x = builder.load(0, DataType::float32);
  const auto scaled =
      builder.apply(ElementOp::multiply, x, builder.literal(factor, DataType::float32));
  kernel.stores = {{1, builder.apply(ElementOp::add, scaled, x).id}};
  return kernel;
}

KernelToCompile request(const StitchedKernel& kernel, const std::string& name = "scale") {
  return {&kernel, kernel.canonical_text(), name};
}

std::shared_ptr<const CompiledKernel> compile(const StitchedKernel& kernel) {
  const std::vector<KernelToCompile> batch{request(kernel)};
  return kernel_compiler()->compile(batch, Parallel::serial()).front();
}

void check_scaling(const StitchedKernel& kernel, std::shared_ptr<const CompiledKernel> code,
                   float factor) {
  const auto count = static_cast<size_t>(kernel.extents[0]);
  std::vector<float> input(count), result(count, -1.0f);
  std::iota(input.begin(), input.end(), -3.0f);
  void* const operands[] = {input.data(), result.data()};
  const BoundKernel bound(kernel, std::move(code));
  bound.run(operands, 0, 1, 3, kernel.extents[0], nullptr);
  for (size_t i = 0; i < count; ++i) {
    const float product = input[i] * factor;
    CHECK(result[i] == (i < 3 ? -1.0f : product + input[i]));
  }
}

/// A folder that is empty at first and gone in the end.
class Folder {
 public:
  Folder() {
    std::string pattern = (std::filesystem::temp_directory_path() / "mpsg-XXXXXX").string();
    path_ = ::mkdtemp(pattern.data());
  }
  ~Folder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  std::string path() const { return path_; }
  std::vector<std::filesystem::path> files() const {
    std::vector<std::filesystem::path> all;
    for (const auto& entry : std::filesystem::directory_iterator(path_)) all.push_back(entry);
    return all;
  }

 private:
  std::string path_;
};

/// Keeps native code in a folder while it lives.
class KeptCode {
 public:
  explicit KeptCode(const std::string& folder) { kernel_compiler()->keep_code_in(folder); }
  ~KeptCode() { kernel_compiler()->keep_code_in(""); }
};

std::string read(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

void write(const std::filesystem::path& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes;
}

}  // namespace

TEST_CASE("a compiled kernel computes its element program") {
  for (const int64_t count : {5, 16, 33, 1000}) {
    const auto kernel = scaling_kernel(count, 0.3);
    check_scaling(kernel, compile(kernel), 0.3f);
  }
}

TEST_CASE("a batch gives its kernels in order, named by what they do") {
  std::vector<StitchedKernel> kernels;
  for (int i = 0; i < 9; ++i) kernels.push_back(scaling_kernel(40, i));
  std::vector<KernelToCompile> batch;
  for (const auto& kernel : kernels) batch.push_back(request(kernel, "scale and <add>"));
  const auto compiled = kernel_compiler()->compile(batch, Parallel::serial());
  REQUIRE(compiled.size() == kernels.size());
  for (size_t i = 0; i < kernels.size(); ++i) {
    CHECK(compiled[i]->name().starts_with("mpsg_scale_and__add__"));
    CHECK(compiled[i]->code_bytes() > 0);
    check_scaling(kernels[i], compiled[i], static_cast<float>(i));
  }
}

TEST_CASE("a kernel of a batch outlives the others") {
  std::vector<StitchedKernel> kernels{scaling_kernel(40, 2), scaling_kernel(40, 3)};
  const std::vector<KernelToCompile> batch{request(kernels[0]), request(kernels[1])};
  auto compiled = kernel_compiler()->compile(batch, Parallel::serial());
  compiled[0].reset();
  check_scaling(kernels[1], compiled[1], 3);
}

TEST_CASE("threads compile the same and different kernels at once") {
  std::vector<std::thread> threads;
  std::atomic<int> sound{0};
  for (int t = 0; t < 3; ++t)
    threads.emplace_back([&, t] {
      for (int i = 0; i < 5; ++i) {
        const auto kernel = scaling_kernel(8, i % 2 == 0 ? 7 : t + 0.5);
        std::vector<float> input(8, 2.0f), result(8);
        void* const operands[] = {input.data(), result.data()};
        BoundKernel(kernel, compile(kernel)).run(operands, 0, 1, 0, 8, nullptr);
        const float factor = i % 2 == 0 ? 7.0f : static_cast<float>(t) + 0.5f;
        if (result == std::vector<float>(8, 2.0f * factor + 2.0f)) ++sound;
      }
    });
  for (auto& thread : threads) thread.join();
  CHECK(sound == 15);
}

TEST_CASE("what LLVM would end the process for is an InternalError") {
  // No x86 or Arm code generator knows what to do with a scalable vector of another kind.
  const auto fill = [](llvm::Module& module) {
    auto& context = module.getContext();
    llvm::IRBuilder<> builder(context);
    auto* const type = llvm::FunctionType::get(builder.getVoidTy(), {builder.getPtrTy()}, false);
    auto* const function =
        llvm::Function::Create(type, llvm::Function::ExternalLinkage, "strange", module);
    builder.SetInsertPoint(llvm::BasicBlock::Create(context, "entry", function));
    auto* const pair = llvm::ScalableVectorType::get(builder.getIntNTy(129), 3);
    builder.CreateStore(builder.CreateLoad(pair, function->getArg(0)),
                        builder.CreateConstGEP1_64(pair, function->getArg(0), 1));
    builder.CreateRetVoid();
  };
  CHECK_THROWS_AS(CodeGenerator(host_target()).object(fill), InternalError);
  const auto kernel = scaling_kernel(20, 5);
  check_scaling(kernel, compile(kernel), 5);
}

TEST_CASE("unsound intermediate representation is an InternalError") {
  const auto fill = [](llvm::Module& module) {
    llvm::IRBuilder<> builder(module.getContext());
    auto* const type = llvm::FunctionType::get(builder.getVoidTy(), false);
    auto* const function =
        llvm::Function::Create(type, llvm::Function::ExternalLinkage, "open", module);
    llvm::BasicBlock::Create(module.getContext(), "without_end", function);
  };
  CHECK_THROWS_AS(CodeGenerator(host_target()).object(fill), InternalError);
}

TEST_CASE("code that calls what there is not is an InternalError") {
  const auto fill = [](llvm::Module& module) {
    llvm::IRBuilder<> builder(module.getContext());
    auto* const type = llvm::FunctionType::get(builder.getVoidTy(), false);
    auto* const function =
        llvm::Function::Create(type, llvm::Function::ExternalLinkage, "caller", module);
    builder.SetInsertPoint(llvm::BasicBlock::Create(module.getContext(), "entry", function));
    builder.CreateCall(module.getOrInsertFunction("system", type));
    builder.CreateRetVoid();
  };
  std::vector<ObjectToLoad> objects;
  objects.push_back({CodeGenerator(host_target()).object(fill), "caller"});
  CHECK_THROWS_AS(load_code(std::move(objects)), InternalError);
  const auto kernel = scaling_kernel(20, 6);
  check_scaling(kernel, compile(kernel), 6);
}

TEST_CASE("people can read a kernel's code") {
  const auto kernel = scaling_kernel(20, 4);
  const auto wanted = request(kernel);
  const auto representation =
      kernel_compiler()->source(wanted, KernelSource::intermediate_representation);
  CHECK(representation.find("fmul") != std::string::npos);
  CHECK(representation.find("@mpsg_scale_") != std::string::npos);
  const auto assembly = kernel_compiler()->source(wanted, KernelSource::assembly);
  CHECK(assembly.find("mpsg_scale_") != std::string::npos);
}

TEST_CASE("code is kept in a folder and found again") {
  const Folder folder;
  const KeptCode kept(folder.path() + "/native");
  const auto kernel = scaling_kernel(50, 11);
  CHECK_FALSE(compile(kernel)->from_disk());
  const auto again = compile(kernel);
  CHECK(again->from_disk());
  CHECK(again->name().starts_with("mpsg_scale_"));
  check_scaling(kernel, again, 11);
  CHECK_FALSE(compile(scaling_kernel(50, 12))->from_disk());
  struct stat facts{};
  REQUIRE(::stat((folder.path() + "/native").c_str(), &facts) == 0);
  CHECK((facts.st_mode & 0777) == 0700);
}

TEST_CASE("a damaged file is a miss, and is replaced") {
  const Folder folder;
  const KeptCode kept(folder.path());
  const auto kernel = scaling_kernel(50, 13);
  (void)compile(kernel);
  REQUIRE(folder.files().size() == 1);
  const auto path = folder.files().front();
  const auto sound = read(path);
  std::vector<std::string> damaged{"", "short", sound.substr(0, sound.size() - 1), sound + "x",
                                   std::string(sound.size(), '\0')};
  for (const size_t at : {size_t{0}, size_t{9}, size_t{17}, size_t{25}, size_t{33}, size_t{70},
                          sound.size() / 2, sound.size() - 1}) {
    damaged.push_back(sound);
    damaged.back()[at] = static_cast<char>(damaged.back()[at] ^ 0x40);
  }
  for (const auto& bytes : damaged) {
    write(path, bytes);
    const auto compiled = compile(kernel);
    CHECK_FALSE(compiled->from_disk());
    check_scaling(kernel, compiled, 13);
    CHECK(read(path) == sound);
  }
  CHECK(compile(kernel)->from_disk());
  CHECK(folder.files().size() == 1);  // no temporary file stays
}

TEST_CASE("a file of another name is not taken for this kernel's") {
  const Folder folder;
  const KeptCode kept(folder.path());
  const auto first = scaling_kernel(50, 14);
  (void)compile(first);
  const auto bytes = read(folder.files().front());
  std::filesystem::remove(folder.files().front());
  const auto second = scaling_kernel(50, 15);
  (void)compile(second);
  write(folder.files().front(), bytes);
  const auto compiled = compile(second);
  CHECK_FALSE(compiled->from_disk());
  check_scaling(second, compiled, 15);
}

TEST_CASE("an object that does not load is compiled anew") {
  const Folder folder;
  const KeptCode kept(folder.path());
  const auto kernel = scaling_kernel(50, 16);
  (void)compile(kernel);
  const auto path = folder.files().front();
  // Zeros behind the header (64 bytes, its checksum at 24) and the function's name, and a checksum
  // that fits them.
  auto bytes = read(path);
  uint64_t name_bytes = 0;
  std::memcpy(&name_bytes, bytes.data() + 8, sizeof(name_bytes));
  std::fill(bytes.begin() + 64 + static_cast<std::ptrdiff_t>(name_bytes), bytes.end(), '\0');
  const auto checksum = llvm::xxh3_64bits(llvm::StringRef(bytes).substr(64));
  std::memcpy(bytes.data() + 24, &checksum, sizeof(checksum));
  write(path, bytes);
  const auto compiled = compile(kernel);
  CHECK_FALSE(compiled->from_disk());
  check_scaling(kernel, compiled, 16);
}

TEST_CASE("another build, or text, finds nothing") {
  const Folder folder;
  KernelObjectCache(folder.path(), "build 1").keep("text", "function", "object");
  CHECK(KernelObjectCache(folder.path(), "build 1").find("text"));
  CHECK_FALSE(KernelObjectCache(folder.path(), "build 2").find("text"));
  CHECK_FALSE(KernelObjectCache(folder.path(), "build 1").find("texts"));
}

TEST_CASE("a folder that others may write to, or that is none, is not used") {
  const Folder folder;
  const auto kernel = scaling_kernel(50, 17);
  ::chmod(folder.path().c_str(), 0777);
  {
    const KeptCode kept(folder.path());
    (void)compile(kernel);
    CHECK(folder.files().empty());
  }
  ::chmod(folder.path().c_str(), 0700);
  write(folder.path() + "/file", "");
  const KeptCode kept(folder.path() + "/file");
  check_scaling(kernel, compile(kernel), 17);
  const KeptCode nowhere("/proc/nothing/here");
  check_scaling(kernel, compile(kernel), 17);
}
