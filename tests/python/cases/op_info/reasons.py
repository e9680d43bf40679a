"""What is not compared with PyTorch, and why."""

from __future__ import annotations

# Samples of mapped operations that ask for what mpsg does not have.
SAMPLES: set[str] = {
    "a data type that the operation does not take",
    "Stirling's approximation",
    "a maximum and its place in one result",
    "a scale that is not that of the sizes",
    "a size that the data decide",
    "a unit matrix of any rank",
    "an average divided by something else",
    "an operand that is changed",
    "bicubic sampling",
    "heads in groups, and causal masks by a flag",
    "isclose of integers computes in float64",
    "weights of probabilities",
    "windows of several sizes",
    "complex128",
    "round of integers to tens",
    "logaddexp of integers",
    "an argument that PyTorch has deprecated",
    "a rank that PyTorch says nothing about",
    "a variance of complex numbers",
    "a norm of complex numbers",
    "a maximum of complex numbers",
    "an order that PyTorch leaves open",
    "operands of several data types",
    "a scatter that forgets what it meets",
    "a tuple of columns",
    "random numbers of PyTorch's",
    "a mask of truth values",
    "more than four dimensions",
    "label smoothing",
    "no mode",
    "an argument `out`",
    "a mistake that ends in the mapping, before mpsg",
    "a number where PyTorch wants a tensor",
    "an output padding of a stride or more",
    "antialiasing",
    "a grid in three dimensions",
}
# Mistakes for PyTorch that are none for mpsg, by reason: the operations.
ERROR_DIFFERENCES: dict[str, str] = {
    "mpsg takes operands of more ranks and shapes, and more paddings": """
        diag kthvalue linalg.cross masked_fill nn.functional.avg_pool1d nn.functional.avg_pool2d
        nn.functional.avg_pool3d nn.functional.conv3d nn.functional.group_norm
        nn.functional.max_pool1d nn.functional.max_pool2d nn.functional.max_pool3d
        nn.functional.prelu nn.functional.rms_norm reshape t t_copy trace view view_copy
    """,
    "the extreme of nothing is infinite": """
        amax amin aminmax
    """,
    "an index out of range gives 0, or is skipped": """
        gather scatter scatter_add
    """,
    "an argument that the mapping reads, not mpsg": """
        diag_embed diagonal diagonal_copy diff isclose linalg.diagonal narrow nn.functional.gelu
        nn.functional.hardtanh nn.functional.hinge_embedding_loss nn.functional.huber_loss
        nn.functional.l1_loss nn.functional.margin_ranking_loss nn.functional.poisson_nll_loss
        nn.functional.soft_margin_loss nn.functional.softshrink nn.functional.triplet_margin_loss
        rot90
    """,
}
# Gradients that differ where the documentation says so, by reason: the operations.
GRADIENT_DIFFERENCES: dict[str, str] = {
    "PyTorch's factor 1 / 6 is rounded to float32": """
        nn.functional.hardsigmoid
    """,
    "PyTorch treats a factor of 0 by itself, mpsg divides by it": """
        scatter_reduce/prod
    """,
    "PyTorch's own gradient is wrong by 1e-11, ours by 1e-15 (against 80 bits)": """
        logcumsumexp
    """,
    "SET takes the indices to be distinct": """
        index_fill
    """,
}
# The other operations of PyTorch's list.
NOT_MAPPED: dict[str, str] = {
    "complex numbers only": """
        H angle complex imag mH nn.functional.silu/complex polar view_as_complex
        view_as_real
    """,
    "a size or a place that only the data tell, other than of what is not zero": """
        __getitem__ _segment_reduce/lengths _segment_reduce/offsets bincount bucketize histc
        histogram histogramdd index_put isin masked_scatter masked_select mode
        nonzero_static put repeat_interleave searchsorted unique unique_consecutive
    """,
    "a part of an operation that is mapped": """
        _batch_norm_with_update _chunk_cat _native_batch_norm_legit _softmax_backward_data
        _unsafe_masked_index _unsafe_masked_index_put_accumulate linalg.inv_ex
        max_pool2d_with_indices_backward native_batch_norm native_dropout_backward
        native_group_norm native_layer_norm
    """,
    "pooling with a place for each maximum, or windows of several sizes": """
        _upsample_bilinear2d_aa grid_sampler_3d nn.functional.adaptive_max_pool1d
        nn.functional.adaptive_max_pool2d nn.functional.adaptive_max_pool3d
        nn.functional.interpolate/area nn.functional.interpolate/bicubic
        nn.functional.max_unpool1d nn.functional.max_unpool1d/grad
        nn.functional.max_unpool2d nn.functional.max_unpool2d/grad
        nn.functional.max_unpool3d nn.functional.max_unpool3d/grad
    """,
    "memory and storage of PyTorch's own": """
        allclose as_strided as_strided/partial_views as_strided_copy as_strided_scatter
        bmm/triton_optimized equal hash_tensor item jiterator_2inputs_2outputs
        jiterator_4inputs_with_extra_args jiterator_binary jiterator_binary_return_by_ref
        jiterator_unary resize_ resize_as_ sparse.mm/reduce sparse.sampled_addmm to
        to_sparse torch._scaled_mm torch._scaled_mm_v2
        torch.ops.aten._efficient_attention_forward torch.ops.aten._flash_attention_forward
        torch.ops.aten._safe_softmax.default
    """,
    "it has no operands: NumPy makes such constants": """
        arange broadcast_shapes empty empty_like empty_permuted empty_strided eye fill full
        full_like linspace linspace/tensor_overload logspace logspace/tensor_overload
        new_empty new_empty_strided new_full new_ones new_zeros ones ones_like scalar_tensor
        signal.windows.bartlett signal.windows.blackman signal.windows.cosine
        signal.windows.exponential signal.windows.gaussian signal.windows.general_cosine
        signal.windows.general_hamming signal.windows.hamming signal.windows.hann
        signal.windows.kaiser signal.windows.nuttall tril_indices triu_indices zero_ zeros
        zeros_like
    """,
    "random numbers of PyTorch's own": """
        bernoulli cauchy exponential geometric log_normal multinomial
        nn.functional.alpha_dropout nn.functional.dropout nn.functional.dropout2d
        nn.functional.dropout3d nn.functional.feature_alpha_dropout/with_train
        nn.functional.feature_alpha_dropout/without_train
        nn.functional.fractional_max_pool2d nn.functional.fractional_max_pool3d
        nn.functional.rrelu normal normal/in_place normal/number_mean rand_like randint
        randint_like randn randn_like uniform
    """,
    "a cast by another name": """
        bfloat16 bool byte cdouble cfloat chalf char double float half int long short
    """,
    "decompositions and determinants of matrices": """
        cholesky cholesky_inverse cholesky_solve corrcoef cov geqrf linalg.cholesky
        linalg.cholesky_ex linalg.cond linalg.det linalg.eig linalg.eigh linalg.eigvals
        linalg.eigvalsh linalg.householder_product linalg.ldl_factor linalg.ldl_factor_ex
        linalg.ldl_solve linalg.lstsq linalg.lstsq/grad_oriented linalg.lu linalg.lu_factor
        linalg.lu_factor_ex linalg.lu_solve linalg.matrix_rank linalg.matrix_rank/hermitian
        linalg.pinv linalg.pinv/hermitian linalg.pinv/singular linalg.qr linalg.slogdet
        linalg.solve linalg.solve_ex linalg.solve_triangular linalg.svd linalg.svdvals
        logdet lu lu_solve lu_unpack matrix_exp norm/nuc ormqr pca_lowrank pinverse qr svd
        svd_lowrank triangular_solve
    """,
    "a special function that mpsg has no row for": """
        digamma erfinv frexp gcd i0 igamma igammac lcm lgamma mvlgamma/mvlgamma_p_1
        mvlgamma/mvlgamma_p_3 mvlgamma/mvlgamma_p_5 nextafter polygamma/polygamma_n_0
        polygamma/polygamma_n_1 polygamma/polygamma_n_2 polygamma/polygamma_n_3
        polygamma/polygamma_n_4 special.airy_ai special.bessel_j0 special.bessel_j1
        special.bessel_y0 special.bessel_y1 special.chebyshev_polynomial_t
        special.chebyshev_polynomial_u special.chebyshev_polynomial_v
        special.chebyshev_polynomial_w special.entr special.erfcx
        special.hermite_polynomial_h special.hermite_polynomial_he special.i0e special.i1
        special.i1e special.laguerre_polynomial_l special.legendre_polynomial_p
        special.log_ndtr special.modified_bessel_i0 special.modified_bessel_i1
        special.modified_bessel_k0 special.modified_bessel_k1 special.ndtri
        special.polygamma/special_polygamma_n_0 special.scaled_modified_bessel_k0
        special.scaled_modified_bessel_k1 special.shifted_chebyshev_polynomial_t
        special.shifted_chebyshev_polynomial_u special.shifted_chebyshev_polynomial_v
        special.shifted_chebyshev_polynomial_w special.spherical_bessel_j0 special.zeta
    """,
    "the same as a mapped one, with a mask": """
        masked.amax masked.amin masked.argmax masked.argmin masked.cumprod masked.cumsum
        masked.log_softmax masked.logaddexp masked.logsumexp masked.mean masked.median
        masked.norm masked.normalize masked.prod masked.softmax masked.softmin masked.std
        masked.sum masked.var
    """,
    "not tried: it would be written with what is mapped": """
        block_diag broadcast_tensors cartesian_prod cdist combinations cumulative_trapezoid
        diagflat diagonal_scatter dist dsplit einsum fft.hfft fft.hfft2 fft.hfftn fft.ihfft
        fft.ihfft2 fft.ihfftn gradient hsplit index_reduce/amax index_reduce/amin
        index_reduce/mean index_reduce/prod istft linalg.matrix_norm linalg.norm
        linalg.norm/subgradients_at_zero linalg.tensorinv linalg.tensorsolve linalg.vander
        nanmedian nanquantile nn.functional.cosine_embedding_loss nn.functional.ctc_loss
        nn.functional.embedding_bag nn.functional.gaussian_nll_loss
        nn.functional.linear_cross_entropy nn.functional.linear_cross_entropy/chunked
        nn.functional.linear_cross_entropy/chunked_none nn.functional.local_response_norm
        nn.functional.multi_head_attention_forward nn.functional.multi_margin_loss
        nn.functional.multilabel_margin_loss nn.functional.multilabel_soft_margin_loss
        nn.functional.pdist nn.functional.triplet_margin_with_distance_loss norm norm/fro
        norm/inf quantile renorm scatter_reduce/mean select_scatter slice_scatter stft
        sum_to_size tensor_split tensordot trapezoid trapz unfold unfold_copy unravel_index
        vsplit
    """,
}


def reason_for(table: dict[str, str], name: str) -> str | None:
    """The reason under which a table lists an operation."""
    return next((reason for reason, names in table.items() if name in names.split()), None)
