#include "mpsg/device.h"

#include <memory>

#include "backends/common/all.h"
#include "mpsg/error.h"
#include "runtime/queues/executor.h"

namespace mpsg {

struct Device::State {
  explicit State(std::shared_ptr<Backend> of) : backend(std::move(of)) {}
  ~State() { executor->stop(); }
  std::shared_ptr<Backend> backend;
  std::shared_ptr<Executor> executor = std::make_shared<Executor>();
};

std::vector<Device> Device::all() {
  static const std::vector<Device> devices = [] {
    std::vector<Device> made;
    for (const auto& backend : all_backends()) made.emplace_back(backend);
    return made;
  }();
  return devices;
}

Device::Device() { *this = all().front(); }

Device::Device(std::string_view name) {
  std::string names;
  for (const auto& device : all()) {
    if (device.info().name == name) {
      *this = device;
      return;
    }
    names += (names.empty() ? "" : ", ") + device.info().name;
  }
  throw ExecutionError("there is no device '" + std::string(name) + "'; this build has: " + names);
}

Device::Device(std::shared_ptr<Backend> backend)
    : state_(std::make_shared<State>(std::move(backend))) {}

DeviceInfo Device::info() const { return state_->backend->info(); }
Backend& Device::backend() const { return *state_->backend; }
Executor& Device::executor() const { return *state_->executor; }

}  // namespace mpsg
