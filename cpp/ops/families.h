// One function for each file of rows. ops/all.cpp calls them all.
#pragma once

#include <vector>

#include "graph/op_schema.h"

namespace mpsg::ops {

using Rows = std::vector<OpRow>;

void add_memory_rows(Rows& rows);
void add_internal_rows(Rows& rows);
void add_arithmetic_unary_rows(Rows& rows);
void add_arithmetic_binary_rows(Rows& rows);
void add_arithmetic_logic_rows(Rows& rows);
void add_arithmetic_complex_rows(Rows& rows);
void add_activation_rows(Rows& rows);
void add_reduction_rows(Rows& rows);
void add_tensor_shape_rows(Rows& rows);
void add_tensor_slice_rows(Rows& rows);
void add_tensor_join_rows(Rows& rows);
void add_tensor_pad_rows(Rows& rows);
void add_tensor_block_rows(Rows& rows);
void add_cumulative_rows(Rows& rows);
void add_sort_rows(Rows& rows);
void add_top_k_rows(Rows& rows);
void add_linear_algebra_rows(Rows& rows);
void add_matrix_multiplication_rows(Rows& rows);
void add_convolution_rows(Rows& rows);
void add_convolution_transpose_rows(Rows& rows);
void add_depthwise_convolution_rows(Rows& rows);
void add_pooling_rows(Rows& rows);
void add_convolution_3d_rows(Rows& rows);
void add_depthwise_convolution_3d_rows(Rows& rows);
void add_pooling_4d_rows(Rows& rows);
void add_fourier_transform_rows(Rows& rows);
void add_quantization_rows(Rows& rows);
void add_sparse_rows(Rows& rows);
void add_single_gate_rnn_rows(Rows& rows);
void add_lstm_rows(Rows& rows);
void add_gru_rows(Rows& rows);
void add_normalization_rows(Rows& rows);
void add_loss_rows(Rows& rows);
void add_optimizer_rows(Rows& rows);
void add_one_hot_rows(Rows& rows);
void add_gather_rows(Rows& rows);
void add_scatter_rows(Rows& rows);
void add_resize_rows(Rows& rows);
void add_window_rows(Rows& rows);
void add_im_to_col_rows(Rows& rows);
void add_stencil_rows(Rows& rows);
void add_sample_grid_rows(Rows& rows);
void add_counted_rows(Rows& rows);
void add_non_zero_rows(Rows& rows);
void add_non_maximum_suppression_rows(Rows& rows);
void add_call_rows(Rows& rows);
void add_random_rows(Rows& rows);
void add_random_number_rows(Rows& rows);
void add_control_flow_rows(Rows& rows);
void add_stitching_rows(Rows& rows);

}  // namespace mpsg::ops
