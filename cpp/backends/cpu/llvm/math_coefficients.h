// Coefficients of the vector math; written by scripts/math_coefficients.py, do not edit.
#pragma once

namespace mpsg::math_coefficients {

// clang-format off

// e^r, |r| <= log(2) / 2: 3.1e-09
inline constexpr float kExponent[] = {0x1p+0, 0x1p+0, 0x1.fffffcp-2, 0x1.555492p-3, 0x1.5558b6p-5, 0x1.1239a6p-7, 0x1.6a474p-10};

// 2^r, |r| <= 1 / 2: 3e-09
inline constexpr float kExponent2[] = {0x1p+0, 0x1.62e43p-1, 0x1.ebfbdcp-3, 0x1.c6af7ap-5, 0x1.3b2dd2p-7, 0x1.5f0952p-10, 0x1.417adp-13};

// (sin(r) - r) / r^3 in r^2: 1.6e-10
inline constexpr float kSine[] = {-0x1.555556p-3, 0x1.111176p-7, -0x1.a05bbp-13, 0x1.7cd332p-19};

// (cos(r) - 1 + r^2 / 2) / r^4 in r^2: 1.2e-10
inline constexpr float kCosine[] = {0x1.55554ap-5, -0x1.6c0c28p-10, 0x1.99e816p-16};

// Logarithm to base 2.7183, 16 intervals: error 2.9e-09.
inline constexpr float kNatural16Two[] = {0x1.62e4p-1, 0x1.7f7d1cp-20};
inline constexpr float kNatural16First = 0x1p+0;
inline constexpr float kNatural16Inverse[] = {0x1p+0, 0x1.d4b2f8p-1, 0x1.ba620ap-1, 0x1.a48136p-1, 0x1.8f119p-1, 0x1.7deacp-1, 0x1.6bf76cp-1, 0x1.5bc826p-1, 0x1.4dac4cp+0, 0x1.41f962p+0, 0x1.35c0cp+0, 0x1.298142p+0, 0x1.1f36dep+0, 0x1.168d48p+0, 0x1.0d3cb4p+0, 0x1p+0};
inline constexpr float kNatural16Value[] = {0, 0x1.69fp-4, 0x1.2b5p-3, 0x1.933p-3, 0x1.fe58p-3, 0x1.2c28p-2, 0x1.5d74p-2, 0x1.8c08p-2, -0x1.0f58p-2, -0x1.d598p-3, -0x1.8658p-3, -0x1.33b8p-3, -0x1.d74p-4, -0x1.59dp-4, -0x1.9dp-5, 0};
inline constexpr float kNatural16Series[] = {-0x1p-1, 0x1.555836p-2, -0x1.001316p-2, 0x1.825cdap-3};

// Logarithm to base 2.0, 16 intervals: error 2.3e-09.
inline constexpr float kBinary16Two[] = {0x1p+0, 0};
inline constexpr float kBinary16First = 0x1.715476p+0;
inline constexpr float kBinary16Inverse[] = {0x1p+0, 0x1.d39f74p-1, 0x1.ba6bc8p-1, 0x1.a4657ep-1, 0x1.8fb8cep-1, 0x1.7c270cp-1, 0x1.6b7b36p-1, 0x1.5d0968p-1, 0x1.4d82e4p+0, 0x1.41109ep+0, 0x1.345356p+0, 0x1.29d684p+0, 0x1.20460ep+0, 0x1.15375ep+0, 0x1.0bb80ap+0, 0x1p+0};
inline constexpr float kBinary16Value[] = {0, 0x1.0bep-3, 0x1.af9p-3, 0x1.2338p-2, 0x1.6db8p-2, 0x1.b7ep-2, 0x1.fa2p-2, 0x1.1b04p-1, -0x1.86cp-2, -0x1.4e9p-2, -0x1.12cp-2, -0x1.bf4p-3, -0x1.5edp-3, -0x1.d68p-4, -0x1.088p-4, 0};
inline constexpr float kBinary16Series[] = {0x1.14b13cp-26, -0x1.715478p-1, 0x1.ec75fp-2, -0x1.716a38p-2, 0x1.158704p-2};

// Logarithm to base 10.0, 16 intervals: error 2.3e-09.
inline constexpr float kDecimal16Two[] = {0x1.344p-2, 0x1.3509f8p-18};
inline constexpr float kDecimal16First = 0x1.bcb7b2p-2;
inline constexpr float kDecimal16Inverse[] = {0x1p+0, 0x1.d43cfcp-1, 0x1.babc4ap-1, 0x1.a3851cp-1, 0x1.903d96p-1, 0x1.7c88ep-1, 0x1.6b6e04p-1, 0x1.5d5b6cp-1, 0x1.4dd974p+0, 0x1.4072fp+0, 0x1.352b14p+0, 0x1.28fcecp+0, 0x1.1f614cp+0, 0x1.16926ap+0, 0x1.0cbcb2p+0, 0x1p+0};
inline constexpr float kDecimal16Value[] = {0, 0x1.3dep-5, 0x1.029p-4, 0x1.626p-4, 0x1.b61p-4, 0x1.07fp-3, 0x1.30d8p-3, 0x1.53f8p-3, -0x1.d85p-4, -0x1.8f7p-4, -0x1.4fbp-4, -0x1.083p-4, -0x1.9b6p-5, -0x1.2cap-5, -0x1.598p-6, 0};
inline constexpr float kDecimal16Series[] = {-0x1.7bc2dap-27, -0x1.bcb7b2p-3, 0x1.287da2p-3, -0x1.bcda86p-4, 0x1.4e9e82p-4};

// Logarithm to base 2.7183, 8 intervals: error 1.6e-10.
inline constexpr float kNatural8Two[] = {0x1.62e4p-1, 0x1.7f7d1cp-20};
inline constexpr float kNatural8First = 0x1p+0;
inline constexpr float kNatural8Inverse[] = {0x1p+0, 0x1.aefef6p-1, 0x1.85ae74p-1, 0x1.63439ap-1, 0x1.47d6c4p+0, 0x1.303762p+0, 0x1.1a3e84p+0, 0x1p+0};
inline constexpr float kNatural8Value[] = {0, 0x1.60b8p-3, 0x1.178cp-2, 0x1.763cp-2, -0x1.fa9p-3, -0x1.6168p-3, -0x1.8fcp-4, 0};
inline constexpr float kNatural8Series[] = {-0x1p-1, 0x1.55554ap-2, -0x1.000098p-2, 0x1.99d93p-3, -0x1.5501d6p-3, 0x1.f244b2p-4};

// Logarithm to base 2.0, 8 intervals: error 1.1e-10.
inline constexpr float kBinary8Two[] = {0x1p+0, 0};
inline constexpr float kBinary8First = 0x1.715476p+0;
inline constexpr float kBinary8Inverse[] = {0x1p+0, 0x1.afc52cp-1, 0x1.86390ap-1, 0x1.650acp-1, 0x1.47ef8cp+0, 0x1.2f47b2p+0, 0x1.19a63cp+0, 0x1p+0};
inline constexpr float kBinary8Value[] = {0, 0x1.f79p-3, 0x1.914p-2, 0x1.0a44p-1, -0x1.6dd8p-2, -0x1.f4cp-3, -0x1.1a2p-3, 0};
inline constexpr float kBinary8Series[] = {0x1.4cb374p-26, -0x1.715476p-1, 0x1.ec7086p-2, -0x1.715694p-2, 0x1.27ae56p-2, -0x1.eae52ep-3, 0x1.5f1f1ep-3};

// Logarithm to base 10.0, 8 intervals: error 3.4e-10.
inline constexpr float kDecimal8Two[] = {0x1.344p-2, 0x1.3509f8p-18};
inline constexpr float kDecimal8First = 0x1.bcb7b2p-2;
inline constexpr float kDecimal8Inverse[] = {0x1p+0, 0x1.aead2p-1, 0x1.8687dep-1, 0x1.64bff8p-1, 0x1.481dd2p+0, 0x1.2fb2f6p+0, 0x1.1a41b2p+0, 0x1p+0};
inline constexpr float kDecimal8Value[] = {0, 0x1.33bp-4, 0x1.e1cp-4, 0x1.4158p-3, -0x1.b98p-4, -0x1.2ffp-4, -0x1.5b6p-5, 0};
inline constexpr float kDecimal8Series[] = {-0x1.5a0a62p-27, -0x1.bcb7bp-3, 0x1.287a68p-3, -0x1.bcbf62p-4, 0x1.641a6ep-4, -0x1.249ebcp-4, 0x1.81a768p-5};

// 16 intervals of 1 / 4.0, degree 5: relative error 3.1e-09.
inline constexpr float kErrorFunction16Scale = 0x1p+2;
inline constexpr float kErrorFunction16Limit = 0x1.effffep+1;
inline constexpr float kErrorFunction16[7][16] = {
    {0x1.a4ccd2p-12, 0x1.00010cp-2, 0x1.fff2fcp-2, 0x1.80047ap-1, 0x1.ffff54p-1, 0x1.40061cp+0, 0x1.80020ep+0, 0x1.bfffbcp+0, 0x1.000398p+1, 0x1.20033ep+1, 0x1.3ffdacp+1, 0x1.5ffca4p+1, 0x1.7fff54p+1, 0x1.a00258p+1, 0x1.c000e4p+1, 0x1.e0002cp+1},
    {0x1.20dd74p+0, 0x1.1af542p+0, 0x1.0a8004p+0, 0x1.e579a2p-1, 0x1.af76c4p-1, 0x1.7a003p-1, 0x1.49c21ep-1, 0x1.20ac2cp-1, 0x1.fd9406p-2, 0x1.c66cfep-2, 0x1.9971e4p-2, 0x1.74570cp-2, 0x1.5554p-2, 0x1.3b1192p-2, 0x1.2491a6p-2, 0x1.1110f6p-2},
    {-0x1.3c9188p-12, -0x1.73086cp-3, -0x1.4c3288p-2, -0x1.a0cfa4p-2, -0x1.b5db0cp-2, -0x1.9b0ebcp-2, -0x1.667cf4p-2, -0x1.2b07e4p-2, -0x1.e865d2p-3, -0x1.8d6b18p-3, -0x1.45c7b4p-3, -0x1.0e5dbp-3, -0x1.c6eac8p-4, -0x1.83bb42p-4, -0x1.4e5b08p-4, -0x1.2344f2p-4},
    {-0x1.8126aap-2, -0x1.57657ep-2, -0x1.d6ea1ep-3, -0x1.9a6ce4p-4, 0x1.9903dp-7, 0x1.5ab7ap-4, 0x1.d4dae8p-4, 0x1.d35522p-4, 0x1.93c1fcp-4, 0x1.44011ap-4, 0x1.f769bap-5, 0x1.84780cp-5, 0x1.2e23a6p-5, 0x1.dcb822p-6, 0x1.7e0776p-6, 0x1.36ac2p-6},
    {0x1.9e3a88p-14, 0x1.acf15cp-4, 0x1.55ca5ep-3, 0x1.5acc0cp-3, 0x1.01ce8p-3, 0x1.0f92bp-4, 0x1.0937a2p-6, -0x1.c03204p-7, -0x1.9c8e32p-6, -0x1.a1d514p-6, -0x1.5bfdc2p-6, -0x1.0a1326p-6, -0x1.8a41f8p-7, -0x1.236348p-7, -0x1.b3cd48p-8, -0x1.4b269cp-8},
    {0x1.d3a30ap-4, 0x1.6b122ap-4, 0x1.093062p-5, -0x1.9284c8p-6, -0x1.cd7a82p-5, -0x1.d93c12p-5, -0x1.4bb994p-5, -0x1.437e0ap-6, -0x1.3518f2p-8, 0x1.6eab76p-9, 0x1.49018cp-8, 0x1.34eecp-8, 0x1.e016e8p-9, 0x1.5b6feep-9, 0x1.ed955ap-10, 0x1.62ed06p-10},
    {-0x1.42b93p-7, -0x1.24b0c2p-5, -0x1.9710dep-5, -0x1.33c062p-5, -0x1.96c61ep-7, 0x1.196c5cp-7, 0x1.1610dcp-6, 0x1.eb07ep-7, 0x1.2140f2p-7, 0x1.c36e6ep-9, 0x1.b89082p-12, -0x1.77ddf2p-11, -0x1.bba9d2p-11, -0x1.774904p-11, -0x1.0ff37cp-11, -0x1.777f7cp-12},
};

// 8 intervals of 1 / 1.9082061052322388, degree 7: relative error 7.8e-10.
inline constexpr float kErrorFunction8Scale = 0x1.e88032p+0;
inline constexpr float kErrorFunction8Limit = 0x1.f70a3ep+1;
inline constexpr float kErrorFunction8[9][8] = {
    {0x1.a4ccd2p-12, 0x1.0c5504p-1, 0x1.0c522ep+0, 0x1.926d14p+0, 0x1.0c4ef4p+1, 0x1.4f6448p+1, 0x1.9279fap+1, 0x1.d58c0ap+1},
    {0x1.20dd74p+0, 0x1.08764p+0, 0x1.a4f2a8p-1, 0x1.3d2b1ap-1, 0x1.e707fp-2, 0x1.86b866p-2, 0x1.45a932p-2, 0x1.172544p-2},
    {-0x1.3c8c02p-12, -0x1.57434ap-2, -0x1.b3c158p-2, -0x1.556c94p-2, -0x1.c31216p-3, -0x1.294fcep-3, -0x1.9e34d4p-4, -0x1.3061cep-4},
    {-0x1.812746p-2, -0x1.bdf2d8p-3, 0x1.e93e46p-6, 0x1.de45fp-4, 0x1.754946p-4, 0x1.bc3a34p-5, 0x1.06fdb4p-5, 0x1.4be024p-6},
    {0x1.82bcb2p-13, 0x1.5b9a46p-3, 0x1.d5e058p-4, 0x1.6302ep-8, -0x1.ad82e4p-6, -0x1.33d7cp-6, -0x1.4ad288p-7, -0x1.699f68p-8},
    {0x1.cdf874p-4, 0x1.af91eep-6, -0x1.e43594p-5, -0x1.1918a2p-5, -0x1.ed1176p-11, 0x1.4c0b3ep-8, 0x1.8fd6ep-9, 0x1.88a41ep-10},
    {0x1.8d6998p-12, -0x1.990cf2p-5, -0x1.f57e0cp-8, 0x1.1ba97p-6, 0x1.ad1518p-8, -0x1.3b8198p-12, -0x1.a23362p-11, -0x1.a7c78p-12},
    {-0x1.da5ap-6, 0x1.af7c6ep-10, 0x1.05bc62p-6, -0x1.0efa86p-12, -0x1.ec373cp-9, -0x1.958fa8p-11, 0x1.ed3bb2p-14, 0x1.a64e6cp-14},
    {0x1.51254ep-8, 0x1.4f25f4p-7, -0x1.7ca9f6p-9, -0x1.b6001ap-9, 0x1.731894p-11, 0x1.24f06cp-11, 0x1.598b86p-19, 0x1.d7c18p-17},
};

// 16 intervals of 1 / 1.7031264305114746, degree 7: relative error 6.8e-09.
inline constexpr float kHyperbolicTangent16Scale = 0x1.b40018p+0;
inline constexpr float kHyperbolicTangent16Limit = 0x1.233334p+3;
inline constexpr float kHyperbolicTangent16[9][16] = {
    {0, 0x1.2c9dc2p-1, 0x1.2ca9bep+0, 0x1.c2f0bep+0, 0x1.2c99e2p+1, 0x1.77c8a4p+1, 0x1.c2efc8p+1, 0x1.070db4p+2, 0x1.2c9d3ap+2, 0x1.523394p+2, 0x1.77c7dep+2, 0x1.9d5be4p+2, 0x1.c2f2dep+2, 0x1.e88276p+2, 0x1.070bf4p+3, 0x1.19d78cp+3},
    {0x1p+0, 0x1.cc48f2p-1, 0x1.67f52p-1, 0x1.11ffe4p-1, 0x1.ac2608p-2, 0x1.5ad5fap-2, 0x1.222904p-2, 0x1.f200ccp-3, 0x1.b3f106p-3, 0x1.83893ap-3, 0x1.5ccb2ap-3, 0x1.3d16a6p-3, 0x1.22a86cp-3, 0x1.0c4f52p-3, 0x1.f248bap-4, 0x1.d10e0ep-4},
    {0x1.f2f838p-28, -0x1.35c05ap-2, -0x1.4f84ep-2, -0x1.ecb5a6p-3, -0x1.4d5ec8p-3, -0x1.c8eb42p-4, -0x1.456894p-4, -0x1.e28164p-5, -0x1.72a9bcp-5, -0x1.252f26p-5, -0x1.db2438p-6, -0x1.88bb38p-6, -0x1.4a0056p-6, -0x1.1935bp-6, -0x1.e4ef3ep-7, -0x1.a669f4p-7},
    {-0x1.55558p-2, -0x1.11101ep-3, 0x1.c4aef6p-5, 0x1.3b4a36p-4, 0x1.bd106ep-5, 0x1.182b34p-5, 0x1.6153c6p-6, 0x1.ccfecap-7, 0x1.3954f2p-7, 0x1.ba92dcp-8, 0x1.4355bp-8, 0x1.e6402cp-9, 0x1.769f3p-9, 0x1.26b74p-9, 0x1.d7ef3cp-10, 0x1.7fae24p-10},
    {0x1.42012ap-16, 0x1.475f8ep-3, 0x1.83fcp-5, -0x1.196f18p-7, -0x1.ba9ee4p-7, -0x1.2bb4d4p-7, -0x1.6642eap-8, -0x1.a9c9e8p-9, -0x1.04a5aep-9, -0x1.4b9a8ap-10, -0x1.b6a356p-11, -0x1.2c921ep-11, -0x1.a90b0cp-12, -0x1.34e37ep-12, -0x1.cb2886p-13, -0x1.5c6a8ep-13},
    {0x1.107fep-3, -0x1.4fc35ep-6, -0x1.66352p-5, -0x1.11c13ep-7, 0x1.5355dep-10, 0x1.f01656p-10, 0x1.41922p-10, 0x1.70cf54p-11, 0x1.a333b6p-12, 0x1.e86bd8p-13, 0x1.2706acp-13, 0x1.7234c2p-14, 0x1.e1636p-15, 0x1.43553ep-15, 0x1.beb04p-16, 0x1.3c7b72p-16},
    {0x1.1aa9bcp-9, -0x1.89e376p-5, 0x1.dcbacap-7, 0x1.c50beep-8, 0x1.f6ab64p-11, -0x1.81934ap-13, -0x1.d0bep-13, -0x1.224326p-13, -0x1.3a4636p-14, -0x1.5c5a7p-15, -0x1.8f5d1p-16, -0x1.fff89ap-17, -0x1.0c2676p-17, -0x1.a308f4p-19, -0x1.170c92p-18, -0x1.8809b6p-19},
    {-0x1.03711p-4, 0x1.a1c3fep-6, 0x1.7a20aep-9, -0x1.77a646p-9, -0x1.87c6d6p-11, -0x1.57fcc4p-14, 0x1.56838p-16, 0x1.6d943cp-16, 0x1.afb00cp-17, 0x1.d441cp-18, 0x1.00c834p-18, 0x1.14552p-19, 0x1.2c545ap-20, 0x1.4dd524p-21, 0x1.cbf73p-22, 0x1.06153ap-22},
    {0x1.644bc8p-6, 0x1.8e6466p-8, -0x1.597c9cp-8, 0x1.2b480ep-11, 0x1.3bebap-12, 0x1.98149ep-14, 0x1.0928ecp-16, 0x1.57d5b6p-17, -0x1.c360ep-18, -0x1.a48a0cp-21, 0x1.9c7104p-19, 0x1.8291c2p-17, -0x1.9e9f06p-21, -0x1.a9077ap-17, 0x1.936ea2p-18, 0x1.5a6358p-18},
};

// 8 intervals of 1 / 0.8240934014320374, degree 10: relative error 2.7e-09.
inline constexpr float kHyperbolicTangent8Scale = 0x1.a5ef92p-1;
inline constexpr float kHyperbolicTangent8Limit = 0x1.233334p+3;
inline constexpr float kHyperbolicTangent8[12][8] = {
    {0, 0x1.36a88cp+0, 0x1.369db2p+1, 0x1.d1fe08p+1, 0x1.369f78p+2, 0x1.844aacp+2, 0x1.d1fcb4p+2, 0x1.0fd1ap+3},
    {0x1p+0, 0x1.6173b6p-1, 0x1.9f70dep-2, 0x1.18e356p-2, 0x1.a5e9e4p-3, 0x1.518e9ap-3, 0x1.194724p-3, 0x1.e23416p-4},
    {-0x1.ed334p-30, -0x1.4ae398p-2, -0x1.3c763p-3, -0x1.3186c4p-4, -0x1.5b4f38p-5, -0x1.bd0b1ep-6, -0x1.350c3cp-6, -0x1.c623eep-7},
    {-0x1.55554cp-2, 0x1.eeec4ep-5, 0x1.a383c4p-5, 0x1.435536p-6, 0x1.1c9794p-7, 0x1.252f26p-8, 0x1.5387a8p-9, 0x1.abb4b6p-10},
    {-0x1.081fccp-18, 0x1.4de384p-5, -0x1.aba32ep-7, -0x1.4262fep-8, -0x1.cc55fap-10, -0x1.815dccp-11, -0x1.74e36ep-12, -0x1.92d18p-13},
    {0x1.112e54p-3, -0x1.4e61d8p-5, 0x1.a4e51p-10, 0x1.20da3p-10, 0x1.69dde4p-12, 0x1.f72e1p-14, 0x1.98fb3cp-15, 0x1.7b42d2p-16},
    {-0x1.de4254p-12, 0x1.eb6448p-7, 0x1.533c9p-11, -0x1.ad2b56p-13, -0x1.0da962p-14, -0x1.3fc134p-16, -0x1.b603ecp-18, -0x1.5170f6p-19},
    {-0x1.a73544p-5, 0x1.267406p-10, -0x1.2e75b8p-11, 0x1.920e8p-16, 0x1.732d2p-17, 0x1.92ccf4p-19, 0x1.dac45p-21, 0x1.3f984ap-22},
    {-0x1.e8811ep-8, -0x1.2fcf3ap-8, 0x1.193b0cp-12, 0x1.29374ap-18, -0x1.207bc2p-19, -0x1.65c24p-20, -0x1.45c634p-21, -0x1.2c9c14p-21},
    {0x1.30cc5p-5, 0x1.4ba6d2p-9, -0x1.666b2p-14, -0x1.86d5ecp-19, 0x1.8f0228p-23, 0x1.5ab58cp-23, 0x1.635acep-24, 0x1.e1a04cp-25},
    {-0x1.3879eep-6, -0x1.784c82p-15, 0x1.d517d2p-19, -0x1.a98de4p-20, 0x1.471dbp-21, 0x1.1b3f94p-20, 0x1.3a0d9p-21, 0x1.536fb8p-21},
    {0x1.83a6b6p-9, -0x1.0343p-11, 0x1.a3ce6cp-18, 0x1.d05f6ap-24, -0x1.2103bep-25, -0x1.1609a8p-23, -0x1.533ef4p-24, -0x1.07c634p-24},
};

// (e^r - 1) / r: 4.5e-12
inline constexpr double kWideExponentMinus1[] = {0x1.fffffffff6433p-1, 0x1.000000001a83dp-1, 0x1.5555557e1eecfp-3, 0x1.555554f30154ep-5, 0x1.1110a6938ee5bp-7, 0x1.6c175b21f2e7cp-10, 0x1.a17d56fc349bp-13, 0x1.a019dc2888454p-16};

// (2^r - 1) / r: 7.8e-13
inline constexpr double kWideExponent2Minus1[] = {0x1.62e42fef85323p-1, 0x1.ebfbdff80ebfcp-3, 0x1.c6b08dd66ff89p-5, 0x1.3b2ab736f725dp-7, 0x1.5d87461bb9906p-10, 0x1.4308784e52e6fp-13, 0x1.00dc0fbfe9c7dp-16, 0x1.6406eaa5d80a4p-20};

// (log(1 + f) - f) / f^2: 2.8e-12
inline constexpr double kWideLogarithm[] = {-0x1.fffffffeea51ap-2, 0x1.555555654f5efp-2, -0x1.0000015c897dbp-2, 0x1.9999887f3ae8bp-3, -0x1.555466ba0ab25p-3, 0x1.2494e61edd942p-3, -0x1.0022e7dff3d23p-3, 0x1.c6e4491022d3cp-4, -0x1.94af1bf412f68p-4, 0x1.71daa560e05b1p-4, -0x1.7dc3c7a9fb709p-4, 0x1.77f106575efa3p-4, -0x1.8c92c9c4d765cp-5};

// sin(r) / r in r^2: 4.3e-12
inline constexpr double kWideSine[] = {0x1.fffffffff6799p-1, -0x1.5555554940e57p-3, 0x1.11110746044e9p-7, -0x1.a00ee39fe1919p-13, 0x1.6cb63dec3dc3fp-19};

// cos(r) in r^2: 4.8e-11
inline constexpr double kWideCosine[] = {0x1.ffffffff976ddp-1, -0x1.ffffffbdb1p-2, 0x1.55553a7390543p-5, -0x1.6c077e7b29f62p-10, 0x1.990533a723589p-16};

// (asin(x) - x) / x^3 in x^2, x <= 1/2: 1.7e-11
inline constexpr double kWideArcSine[] = {0x1.55555609b5fd4p-3, 0x1.3332a79daaf1bp-4, 0x1.6ddb3e7110371p-5, 0x1.ed5126777b796p-6, 0x1.93688e4c72326p-6, 0x1.e8b7888b43339p-8, 0x1.1c535ddd8fc1dp-5};

// (atan(x) - x) / x^3 in x^2, x <= 1: 8.9e-12
inline constexpr double kWideArcTangent[] = {-0x1.555555326f47ep-2, 0x1.999985e9a79ffp-3, -0x1.2490573b4a66p-3, 0x1.c6eab9189382bp-4, -0x1.72e40a9a20d7dp-4, 0x1.33d45ca100ee7p-4, -0x1.f124f24e2f9cp-5, 0x1.6b732d2707552p-5, -0x1.b6329470b0b81p-6, 0x1.864a3847ba8d3p-7, -0x1.baa4e3536c937p-9, 0x1.d6fe31a608753p-12};

// clang-format on

}  // namespace mpsg::math_coefficients
