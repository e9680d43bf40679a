// The error types of mpsg. Every mistake a user can make ends in one of them.
#pragma once

#include <stdexcept>
#include <string>

#include "mpsg/export.h"

namespace mpsg {

class MPSG_API Error : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// Building a graph: type, shape, attribute or ordering.
class MPSG_API GraphError : public Error {
 public:
  using Error::Error;
};

/// What was fed does not fit what the graph asks for.
class MPSG_API FeedError : public Error {
 public:
  using Error::Error;
};

/// The device: memory, a kernel, a library.
class MPSG_API ExecutionError : public Error {
 public:
  using Error::Error;
};

/// A file is not sound.
class MPSG_API PackageError : public Error {
 public:
  using Error::Error;
};

/// A defect of mpsg itself; the message asks for a report.
class MPSG_API InternalError : public Error {
 public:
  explicit InternalError(const std::string& what);
};

}  // namespace mpsg
