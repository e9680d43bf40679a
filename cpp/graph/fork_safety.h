// A child of fork() has the forking thread only. Locks that another thread held at that moment stay
// locked in it for ever, and what it was changing stays half changed.
#pragma once

namespace mpsg {

/// Work that must be whole in a child, such as compiling: a fork waits until none is in progress,
/// and the work until no fork is. May be nested. A fork does not wait for ever: the work may need
/// what the forking thread holds (Python's interpreter lock).
class UnforkedWork {
 public:
  UnforkedWork();
  ~UnforkedWork();
  UnforkedWork(const UnforkedWork&) = delete;
  UnforkedWork& operator=(const UnforkedWork&) = delete;
};

/// Called around every fork from now on, in the order in which they were given, when no
/// UnforkedWork is in progress. nullptr: nothing to do.
struct ForkHandlers {
  void (*before)() = nullptr;
  void (*in_parent)() = nullptr;
  void (*in_child)() = nullptr;
};
void at_fork(const ForkHandlers& handlers);

}  // namespace mpsg
