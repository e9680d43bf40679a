// For loops that wait for another thread.
#pragma once

namespace mpsg {

/// Tells the processor that this is such a loop: it lets others of its core go first.
inline void pause_processor() {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

}  // namespace mpsg
