// Devices: where graphs run.
#pragma once

#include <memory>
#include <string_view>
#include <vector>

#include "mpsg/backend.h"
#include "mpsg/export.h"

namespace mpsg {

class Executor;

/// A handle on a backend and on who works for it.
class MPSG_API Device {
 public:
  /// The default device of this build (the CPU).
  Device();
  /// The device called `name`. Throws ExecutionError listing those of this build.
  explicit Device(std::string_view name);
  /// A device of the caller's own making.
  explicit Device(std::shared_ptr<Backend> backend);
  static std::vector<Device> all();

  DeviceInfo info() const;
  Backend& backend() const;
  Executor& executor() const;
  /// Equal for handles on one device.
  const void* identity() const { return state_.get(); }

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace mpsg
