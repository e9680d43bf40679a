// All of mpsg for a native application.
#pragma once

#include "mpsg/attribute.h"
#include "mpsg/data_type.h"
#include "mpsg/device.h"
#include "mpsg/error.h"
#include "mpsg/executable.h"
#include "mpsg/graph.h"
#include "mpsg/ops.h"
#include "mpsg/shape.h"
#include "mpsg/tensor_data.h"
