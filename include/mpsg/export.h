// What a shared libmpsg shows; everything else is hidden.
#pragma once

#if defined(__GNUC__) || defined(__clang__)
#define MPSG_API __attribute__((visibility("default")))
#else
#define MPSG_API
#endif
