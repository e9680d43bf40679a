// Every row of the op table, by family. A new family file is listed here and in families.h.
#include <algorithm>
#include <map>
#include <utility>

#include "graph/op_table.h"
#include "mpsg/error.h"
#include "ops/enums.h"
#include "ops/families.h"

namespace mpsg {
namespace {

std::vector<OpRow> collect() {
  std::vector<OpRow> rows;
  ops::add_memory_rows(rows);
  ops::add_internal_rows(rows);
  ops::add_arithmetic_unary_rows(rows);
  ops::add_arithmetic_binary_rows(rows);
  ops::add_arithmetic_logic_rows(rows);
  ops::add_arithmetic_complex_rows(rows);
  ops::add_activation_rows(rows);
  ops::add_reduction_rows(rows);
  ops::add_tensor_shape_rows(rows);
  ops::add_tensor_slice_rows(rows);
  ops::add_tensor_join_rows(rows);
  ops::add_tensor_pad_rows(rows);
  ops::add_tensor_block_rows(rows);
  ops::add_cumulative_rows(rows);
  ops::add_sort_rows(rows);
  ops::add_top_k_rows(rows);
  ops::add_linear_algebra_rows(rows);
  ops::add_matrix_multiplication_rows(rows);
  ops::add_convolution_rows(rows);
  ops::add_convolution_3d_rows(rows);
  ops::add_convolution_transpose_rows(rows);
  ops::add_depthwise_convolution_rows(rows);
  ops::add_depthwise_convolution_3d_rows(rows);
  ops::add_pooling_rows(rows);
  ops::add_pooling_4d_rows(rows);
  ops::add_quantization_rows(rows);
  ops::add_sparse_rows(rows);
  ops::add_single_gate_rnn_rows(rows);
  ops::add_lstm_rows(rows);
  ops::add_gru_rows(rows);
  ops::add_fourier_transform_rows(rows);
  ops::add_normalization_rows(rows);
  ops::add_loss_rows(rows);
  ops::add_optimizer_rows(rows);
  ops::add_one_hot_rows(rows);
  ops::add_gather_rows(rows);
  ops::add_scatter_rows(rows);
  ops::add_resize_rows(rows);
  ops::add_window_rows(rows);
  ops::add_im_to_col_rows(rows);
  ops::add_stencil_rows(rows);
  ops::add_sample_grid_rows(rows);
  ops::add_counted_rows(rows);
  ops::add_non_zero_rows(rows);
  ops::add_non_maximum_suppression_rows(rows);
  ops::add_call_rows(rows);
  ops::add_random_rows(rows);
  ops::add_random_number_rows(rows);
  ops::add_control_flow_rows(rows);
  ops::add_stitching_rows(rows);
  return rows;
}

struct Table {
  std::vector<OpRow> rows = collect();
  std::map<std::string_view, const OpRow*> by_name;
  Table() {
    for (const auto& row : rows)
      if (!by_name.emplace(row.name, &row).second)
        throw InternalError("two rows called " + row.name);
  }
};

const Table& table() {
  static const Table table;
  return table;
}

/// Levenshtein distance, to suggest a name.
size_t distance(std::string_view a, std::string_view b) {
  std::vector<size_t> row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    size_t diagonal = std::exchange(row[0], i);
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t above = row[j];
      row[j] = std::min({above + 1, row[j - 1] + 1, diagonal + (a[i - 1] != b[j - 1])});
      diagonal = above;
    }
  }
  return row.back();
}

}  // namespace

std::span<const OpRow> op_table() { return table().rows; }

const OpRow* find_row(std::string_view name) {
  const auto& by_name = table().by_name;
  const auto found = by_name.find(name);
  return found == by_name.end() ? nullptr : found->second;
}

const OpRow& require_row(std::string_view name) {
  if (const auto* row = find_row(name)) return *row;
  const OpRow* nearest = nullptr;
  size_t least = 4;
  for (const auto& row : op_table())
    if (const auto d = distance(name, row.name); d < least) {
      least = d;
      nearest = &row;
    }
  throw GraphError("there is no operation '" + std::string(name) + "'" +
                   (nearest ? "; did you mean '" + nearest->name + "'?" : ""));
}

std::span<const EnumType* const> enum_types() { return ops::all_enums(); }
std::span<const DescriptorType* const> descriptor_types() { return ops::all_descriptors(); }

}  // namespace mpsg
