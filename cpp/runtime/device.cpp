#include "mpsg/device.h"

#include <memory>

#include "backends/common/all.h"
#include "graph/fork_safety.h"
#include "mpsg/error.h"

namespace mpsg {

struct Device::State {
  std::shared_ptr<Backend> backend;
  std::mutex executor;
};

std::vector<Device> Device::all() {
  static const std::vector<Device> devices = [] {
    std::vector<Device> made;
    for (const auto& backend : all_backends()) made.emplace_back(backend);
    // Runs of other threads do not go on in a child, which begins with idle devices.
    at_fork({nullptr, nullptr, [] {
               for (const auto& device : all()) std::construct_at(&device.executor());
             }});
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

Device::Device(std::shared_ptr<Backend> backend) : state_(std::make_shared<State>()) {
  state_->backend = std::move(backend);
}

DeviceInfo Device::info() const { return state_->backend->info(); }
Backend& Device::backend() const { return *state_->backend; }
std::mutex& Device::executor() const { return state_->executor; }

}  // namespace mpsg
