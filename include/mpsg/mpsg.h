// All of mpsg for a native application.
#pragma once

#include "mpsg/attribute.h"
#include "mpsg/command_queue.h"
#include "mpsg/data_type.h"
#include "mpsg/device.h"
#include "mpsg/error.h"
#include "mpsg/executable.h"
#include "mpsg/execution_descriptor.h"
#include "mpsg/graph.h"
#include "mpsg/nd_array.h"
#include "mpsg/ops.h"
#include "mpsg/shape.h"
#include "mpsg/shared_event.h"
#include "mpsg/tensor.h"
#include "mpsg/tensor_data.h"
