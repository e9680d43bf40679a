// Executable, and what it tells about itself.
#include <cstdio>

#include "bindings/calls.h"
#include "mpsg/cache.h"
#include "mpsg/error.h"
#include "runtime/specializations.h"

namespace mpsg::python {
namespace {

py::tuple shape_of(const TensorType& type) {
  py::list sizes;
  for (const auto size : type.shape.dimensions()) sizes.append(size);
  return py::tuple(sizes);
}

void bind_memory(py::module_& module) {
  py::class_<ValueInfo>(module, "ValueInfo",
                        "A tensor of an executable's plan: who owns its memory, and which steps "
                        "need it.")
      .def_readonly("id", &ValueInfo::id, "Its place in MemoryReport.tensors.")
      .def_readonly("name", &ValueInfo::name)
      .def_property_readonly("data_type", [](const ValueInfo& v) { return v.type.data_type; })
      .def_property_readonly("shape", [](const ValueInfo& v) { return shape_of(v.type); })
      .def_readonly("bytes", &ValueInfo::bytes)
      .def_readonly("place", &ValueInfo::place,
                    "'feed', 'result', 'constant', 'variable' or 'arena'.")
      .def_readonly("offset", &ValueInfo::offset, "In the arena.")
      .def_readonly("first_step", &ValueInfo::first_step,
                    "The step that writes it; -1: known before the run.")
      .def_readonly("last_step", &ValueInfo::last_step,
                    "The last step that reads it; -1: none does.")
      .def_readonly("shares", &ValueInfo::shares,
                    "Id of the tensor whose memory it shares; -1: it has its own.")
      .def("__repr__", [](const ValueInfo& v) {
        return "<mpsg.ValueInfo '" + v.name + "' " + v.type.to_string() + " in " + v.place +
               ", steps " + std::to_string(v.first_step) + " to " + std::to_string(v.last_step) +
               ">";
      });
  py::class_<MemoryReport>(module, "MemoryReport", "Bytes that a run needs, known before it.")
      .def_readonly("arena_bytes", &MemoryReport::arena_bytes)
      .def_readonly("scratch_bytes", &MemoryReport::scratch_bytes)
      .def_readonly("feed_bytes", &MemoryReport::feed_bytes)
      .def_readonly("result_bytes", &MemoryReport::result_bytes)
      .def_readonly("constant_bytes", &MemoryReport::constant_bytes)
      .def_readonly("variable_bytes", &MemoryReport::variable_bytes)
      .def_property_readonly("peak_bytes", &MemoryReport::peak_bytes)
      .def_readonly("tensors", &MemoryReport::tensors, "Every tensor of the plan.")
      .def("__repr__", [](const MemoryReport& m) {
        return "MemoryReport(peak_bytes=" + std::to_string(m.peak_bytes()) +
               ", arena_bytes=" + std::to_string(m.arena_bytes) + ")";
      });
}

void bind_kernels(py::module_& module) {
  py::class_<KernelInfo>(module, "KernelInfo", "What one step of an executable runs.")
      .def_readonly("name", &KernelInfo::name)
      .def_readonly("operation", &KernelInfo::operation)
      .def_readonly("description", &KernelInfo::description)
      .def_readonly("output", &KernelInfo::output)
      .def_readonly("computes", &KernelInfo::computes,
                    "Operations that became one kernel: 'multiplication, addition'.")
      .def_readonly("ended", &KernelInfo::ended, "Why the kernel holds no more of them.")
      .def_readonly("segments", &KernelInfo::segments,
                    "How often its code runs in one launch, over other operands each time.")
      .def_readonly("bytes", &KernelInfo::bytes, "Of its operands and results.")
      .def_readonly("operations", &KernelInfo::operations,
                    "Arithmetic ones: a multiplication and an addition count as two.")
      .def_readonly("bodies", &KernelInfo::bodies,
                    "Of a loop or a condition: the kernels of each of its bodies, a list for each.")
      .def("__repr__", [](const KernelInfo& k) {
        return k.name + " (" + k.operation + ") " + k.output + ": " + k.description;
      });
  py::class_<MemberInfo>(module, "MemberInfo", "An operation that became part of a region.")
      .def_readonly("name", &MemberInfo::name)
      .def_readonly("operation", &MemberInfo::operation, "The row of the op table.")
      .def_readonly("source", &MemberInfo::source, "'train.py:12'; empty if not known.")
      .def("__repr__", [](const MemberInfo& m) { return m.name + " (" + m.operation + ")"; });
  py::class_<RegionInfo>(module, "RegionInfo", "Operations that run as one step.")
      .def_readonly("step", &RegionInfo::step)
      .def_readonly("name", &RegionInfo::name)
      .def_readonly("operation", &RegionInfo::operation)
      .def_readonly("ended", &RegionInfo::ended, "Why it holds no more; empty: it is not stitched.")
      .def_readonly("members", &RegionInfo::members)
      .def_readonly("inputs", &RegionInfo::inputs, "Ids of tensors: places in memory.tensors.")
      .def_readonly("outputs", &RegionInfo::outputs, "Ids of tensors: places in memory.tensors.")
      .def_readonly("segments", &RegionInfo::segments,
                    "How often it runs in one launch, over other operands each time.")
      .def_readonly("text", &RegionInfo::text, "The loops and the program of a stitched kernel.")
      .def("__repr__", [](const RegionInfo& r) {
        std::string text = "<mpsg.RegionInfo " + std::to_string(r.step) + " '" + r.name + "':";
        for (const auto& member : r.members) text += " " + member.operation;
        return text + (r.ended.empty() ? ">" : "; ended: " + r.ended + ">");
      });
  py::class_<EdgeInfo>(module, "EdgeInfo", "A step reads a tensor that another one made.")
      .def_readonly("source", &EdgeInfo::from, "The step that makes it.")
      .def_readonly("target", &EdgeInfo::to, "The step that reads it.")
      .def_readonly("tensor", &EdgeInfo::value, "Its id: its place in memory.tensors.")
      .def("__repr__", [](const EdgeInfo& e) {
        return "<mpsg.EdgeInfo step " + std::to_string(e.from) + " to " + std::to_string(e.to) +
               ">";
      });
}

void bind_profile(py::module_& module) {
  py::class_<KernelProfile>(module, "KernelProfile", "One kernel's times over several runs.")
      .def_readonly("kernel", &KernelProfile::kernel)
      .def_property_readonly(
          "microseconds", [](const KernelProfile& k) { return k.median_seconds * 1e6; },
          "The median.")
      .def_property_readonly("gigabytes_per_second", &KernelProfile::gigabytes_per_second)
      .def_property_readonly("gigaflops", &KernelProfile::gigaflops)
      .def("__repr__", [](const KernelProfile& k) {
        char text[96];
        std::snprintf(text, sizeof(text), ": %.1f us, %.1f GB/s, %.1f GFLOP/s",
                      k.median_seconds * 1e6, k.gigabytes_per_second(), k.gigaflops());
        return k.kernel.name + text;
      });
  py::class_<Profile>(module, "Profile", "Times of an executable's kernels.")
      .def_readonly("kernels", &Profile::kernels, "One for each step, in order.")
      .def_readonly("runs", &Profile::runs)
      .def_property_readonly(
          "microseconds", [](const Profile& p) { return p.median_seconds * 1e6; },
          "Of a whole run, the median.")
      .def("trace", &Profile::trace,
           "trace(self)\n--\n\nThe last run as JSON for chrome://tracing and Perfetto.")
      .def(
          "save_trace",
          [](const Profile& profile, const py::object& path) {
            profile.save_trace(py::module_::import("os").attr("fspath")(path).cast<std::string>());
          },
          py::arg("path"), "save_trace(self, path)\n--\n\nWrites trace() to a file.")
      .def("__str__", &Profile::to_text);
}

Profile profile_executable(const Executable& executable, const py::sequence& feeds, int runs) {
  compiled(executable);
  std::vector<TensorData> values;
  const auto& types = executable.feed_types();
  for (const auto& feed : feeds)
    values.push_back(to_tensor_data(feed, values.size() < types.size()
                                              ? std::optional(types[values.size()].data_type)
                                              : std::nullopt));
  const py::gil_scoped_release release;
  return executable.profile(values, runs);
}

/// A method of an executable that may still be compiled, on a thread that needs the GIL.
template <class Result>
auto when_compiled(Result (Executable::*method)() const) {
  return [method](const Executable& executable) {
    compiled(executable);
    return (executable.*method)();
  };
}

std::vector<TensorType> to_types(const Executable& executable, const py::sequence& given) {
  const auto tensors = executable.feed_tensors();
  if (given.size() != tensors.size())
    throw FeedError("the executable takes " + std::to_string(tensors.size()) + " feeds; " +
                    std::to_string(given.size()) + " types were given");
  std::vector<TensorType> types;
  for (size_t i = 0; i < tensors.size(); ++i) types.push_back(to_type(tensors[i], given[i]));
  return types;
}

py::list to_list_of_types(const std::vector<TensorType>& types) {
  py::list list;
  for (const auto& type : types) {
    py::object shape = py::none();
    if (type.shape.has_rank()) shape = shape_of(type);
    list.append(py::make_tuple(type.data_type, shape));
  }
  return list;
}

void bind_types_of(py::class_<Executable, std::shared_ptr<Executable>>& executable) {
  executable
      .def(
          "specialize",
          [](const Executable& self, const py::sequence& input_types) {
            PythonLock lock;
            wait_for_compilation(self, lock);
            specialize_executable(self, to_types(self, input_types), lock);
          },
          py::arg("input_types"),
          "specialize(self, input_types)\n--\n\nCompiles for other feed types, so that their "
          "first run need not: a shape or an array for each feed (specializeWithDevice:...).")
      .def(
          "output_types",
          [](const Executable& self, const std::optional<py::sequence>& input_types) {
            PythonLock lock;
            wait_for_compilation(self, lock);
            return to_list_of_types(input_types
                                        ? output_types_for(self, to_types(self, *input_types), lock)
                                        : self.output_types());
          },
          py::arg("input_types") = py::none(),
          "output_types(self, input_types=None)\n--\n\n(data type, shape) of each result: for the "
          "types it was compiled for, or for others (getOutputTypesWithDevice:...).");
}

}  // namespace

const Executable& compiled(const Executable& executable) {
  PythonLock lock;
  wait_for_compilation(executable, lock);
  return executable;
}

void bind_executable(py::module_& module) {
  bind_memory(module);
  bind_kernels(module);
  bind_profile(module);
  py::class_<Executable, std::shared_ptr<Executable>> executable(
      module, "Executable", "A graph compiled for one device and given feed types.");
  executable.def_property_readonly("feed_tensors", &Executable::feed_tensors)
      .def_property_readonly("target_tensors", &Executable::target_tensors)
      .def_property_readonly("device", &Executable::device)
      .def_property_readonly("memory", when_compiled(&Executable::memory))
      .def_property_readonly("kernels", when_compiled(&Executable::kernels),
                             "One for each step, in order.")
      .def_property_readonly("regions", when_compiled(&Executable::regions),
                             "What runs together, one for each step, in order.")
      .def_property_readonly("edges", when_compiled(&Executable::edges),
                             "Which step reads what which other step made.")
      .def_property_readonly("resident_bytes", when_compiled(&Executable::resident_bytes),
                             "About how many bytes it keeps: constants, plan, code.")
      .def(
          "source", [](const Executable& self, size_t step) { return compiled(self).source(step); },
          py::arg("step"),
          "source(self, step)\n--\n\nGenerated code of a step's kernel; empty if it has none.")
      .def("profile", &profile_executable, py::arg("feeds"), py::arg("runs") = 20,
           "profile(self, feeds, runs=20)\n--\n\n"
           "Times every kernel. These are real runs: variables change.")
      .def("to_text", when_compiled(&Executable::to_text),
           "to_text(self)\n--\n\nThe plan: steps, values, offsets.");
  bind_types_of(executable);
}

void bind_cache(py::module_& module) {
  py::class_<cache::Statistics>(module, "CacheStatistics",
                                "What the cache of executables did and holds.")
      .def_readonly("hits", &cache::Statistics::hits)
      .def_readonly("misses", &cache::Statistics::misses)
      .def_readonly("evictions", &cache::Statistics::evictions)
      .def_readonly("entries", &cache::Statistics::entries)
      .def_readonly("bytes", &cache::Statistics::bytes, "About: constants, plans, code.")
      .def_readonly("count_limit", &cache::Statistics::count_limit)
      .def_readonly("byte_limit", &cache::Statistics::byte_limit)
      .def_readonly("compile_milliseconds", &cache::Statistics::compile_milliseconds)
      .def_readonly("feeds_by_value", &cache::Statistics::feeds_by_value,
                    "Feeds that decided a shape and entered a key by value.")
      .def_readonly("kernels_compiled", &cache::Statistics::kernels_compiled)
      .def_readonly("kernels_reused", &cache::Statistics::kernels_reused)
      .def_readonly("kernel_disk_hits", &cache::Statistics::kernel_disk_hits)
      .def_readonly("kernel_compile_milliseconds", &cache::Statistics::kernel_compile_milliseconds)
      .def_readonly("code_bytes", &cache::Statistics::code_bytes)
      .def_readonly("pooled_bytes", &cache::Statistics::pooled_bytes,
                    "Memory of dropped results, kept for the next ones.")
      .def("__repr__", [](const cache::Statistics& s) {
        return "<mpsg.cache: " + std::to_string(s.entries) + " executables, " +
               std::to_string(s.bytes) + " bytes, " + std::to_string(s.hits) + " hits, " +
               std::to_string(s.misses) + " misses, " + std::to_string(s.kernels_compiled) +
               " kernels compiled>";
      });
  module.def("cache_statistics", &cache::statistics,
             "cache_statistics()\n--\n\nSee mpsg.cache.stats.");
  module.def("cache_clear", &cache::clear, "cache_clear()\n--\n\nSee mpsg.cache.clear.");
  module.def("cache_limit", &cache::limit, py::arg("count") = py::none(),
             py::arg("bytes") = py::none(),
             "cache_limit(count=None, bytes=None)\n--\n\nSee mpsg.cache.limit.");
}

}  // namespace mpsg::python
