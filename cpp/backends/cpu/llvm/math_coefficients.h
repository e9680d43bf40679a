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

// Logarithm to base 2.7183, 16 intervals: relative error 2.9e-09.
inline constexpr float kNatural16Two[] = {0x1.62e4p-1, 0x1.7f7d1cp-20};
inline constexpr float kNatural16First = 0x1p+0;
inline constexpr float kNatural16Inverse[] = {0x1p+0, 0x1.d4b2f8p-1, 0x1.ba620ap-1, 0x1.a48136p-1, 0x1.8f119p-1, 0x1.7deacp-1, 0x1.6bf76cp-1, 0x1.5bc826p-1, 0x1.4dac4cp+0, 0x1.41f962p+0, 0x1.35c0cp+0, 0x1.298142p+0, 0x1.1f36dep+0, 0x1.168d48p+0, 0x1.0d3cb4p+0, 0x1p+0};
inline constexpr float kNatural16Value[] = {0, 0x1.69fp-4, 0x1.2b5p-3, 0x1.933p-3, 0x1.fe58p-3, 0x1.2c28p-2, 0x1.5d74p-2, 0x1.8c08p-2, -0x1.0f58p-2, -0x1.d598p-3, -0x1.8658p-3, -0x1.33b8p-3, -0x1.d74p-4, -0x1.59dp-4, -0x1.9dp-5, 0};
inline constexpr float kNatural16Series[] = {-0x1p-1, 0x1.555836p-2, -0x1.001316p-2, 0x1.825cdap-3};

// Logarithm to base 2.0, 16 intervals: relative error 2.3e-09.
inline constexpr float kBinary16Two[] = {0x1p+0, 0};
inline constexpr float kBinary16First = 0x1.715476p+0;
inline constexpr float kBinary16Inverse[] = {0x1p+0, 0x1.d39f74p-1, 0x1.ba6bc8p-1, 0x1.a4657ep-1, 0x1.8fb8cep-1, 0x1.7c270cp-1, 0x1.6b7b36p-1, 0x1.5d0968p-1, 0x1.4d82e4p+0, 0x1.41109ep+0, 0x1.345356p+0, 0x1.29d684p+0, 0x1.20460ep+0, 0x1.15375ep+0, 0x1.0bb80ap+0, 0x1p+0};
inline constexpr float kBinary16Value[] = {0, 0x1.0bep-3, 0x1.af9p-3, 0x1.2338p-2, 0x1.6db8p-2, 0x1.b7ep-2, 0x1.fa2p-2, 0x1.1b04p-1, -0x1.86cp-2, -0x1.4e9p-2, -0x1.12cp-2, -0x1.bf4p-3, -0x1.5edp-3, -0x1.d68p-4, -0x1.088p-4, 0};
inline constexpr float kBinary16Series[] = {0x1.14b13cp-26, -0x1.715478p-1, 0x1.ec75fp-2, -0x1.716a38p-2, 0x1.158704p-2};

// Logarithm to base 10.0, 16 intervals: relative error 2.3e-09.
inline constexpr float kDecimal16Two[] = {0x1.344p-2, 0x1.3509f8p-18};
inline constexpr float kDecimal16First = 0x1.bcb7b2p-2;
inline constexpr float kDecimal16Inverse[] = {0x1p+0, 0x1.d43cfcp-1, 0x1.babc4ap-1, 0x1.a3851cp-1, 0x1.903d96p-1, 0x1.7c88ep-1, 0x1.6b6e04p-1, 0x1.5d5b6cp-1, 0x1.4dd974p+0, 0x1.4072fp+0, 0x1.352b14p+0, 0x1.28fcecp+0, 0x1.1f614cp+0, 0x1.16926ap+0, 0x1.0cbcb2p+0, 0x1p+0};
inline constexpr float kDecimal16Value[] = {0, 0x1.3dep-5, 0x1.029p-4, 0x1.626p-4, 0x1.b61p-4, 0x1.07fp-3, 0x1.30d8p-3, 0x1.53f8p-3, -0x1.d85p-4, -0x1.8f7p-4, -0x1.4fbp-4, -0x1.083p-4, -0x1.9b6p-5, -0x1.2cap-5, -0x1.598p-6, 0};
inline constexpr float kDecimal16Series[] = {-0x1.7bc2dap-27, -0x1.bcb7b2p-3, 0x1.287da2p-3, -0x1.bcda86p-4, 0x1.4e9e82p-4};

// Logarithm to base 2.7183, 8 intervals: relative error 1.6e-10.
inline constexpr float kNatural8Two[] = {0x1.62e4p-1, 0x1.7f7d1cp-20};
inline constexpr float kNatural8First = 0x1p+0;
inline constexpr float kNatural8Inverse[] = {0x1p+0, 0x1.aefef6p-1, 0x1.85ae74p-1, 0x1.63439ap-1, 0x1.47d6c4p+0, 0x1.303762p+0, 0x1.1a3e84p+0, 0x1p+0};
inline constexpr float kNatural8Value[] = {0, 0x1.60b8p-3, 0x1.178cp-2, 0x1.763cp-2, -0x1.fa9p-3, -0x1.6168p-3, -0x1.8fcp-4, 0};
inline constexpr float kNatural8Series[] = {-0x1p-1, 0x1.55554ap-2, -0x1.000098p-2, 0x1.99d93p-3, -0x1.5501d6p-3, 0x1.f244b2p-4};

// Logarithm to base 2.0, 8 intervals: relative error 1.1e-10.
inline constexpr float kBinary8Two[] = {0x1p+0, 0};
inline constexpr float kBinary8First = 0x1.715476p+0;
inline constexpr float kBinary8Inverse[] = {0x1p+0, 0x1.afc52cp-1, 0x1.86390ap-1, 0x1.650acp-1, 0x1.47ef8cp+0, 0x1.2f47b2p+0, 0x1.19a63cp+0, 0x1p+0};
inline constexpr float kBinary8Value[] = {0, 0x1.f79p-3, 0x1.914p-2, 0x1.0a44p-1, -0x1.6dd8p-2, -0x1.f4cp-3, -0x1.1a2p-3, 0};
inline constexpr float kBinary8Series[] = {0x1.4cb374p-26, -0x1.715476p-1, 0x1.ec7086p-2, -0x1.715694p-2, 0x1.27ae56p-2, -0x1.eae52ep-3, 0x1.5f1f1ep-3};

// Logarithm to base 10.0, 8 intervals: relative error 3.4e-10.
inline constexpr float kDecimal8Two[] = {0x1.344p-2, 0x1.3509f8p-18};
inline constexpr float kDecimal8First = 0x1.bcb7b2p-2;
inline constexpr float kDecimal8Inverse[] = {0x1p+0, 0x1.aead2p-1, 0x1.8687dep-1, 0x1.64bff8p-1, 0x1.481dd2p+0, 0x1.2fb2f6p+0, 0x1.1a41b2p+0, 0x1p+0};
inline constexpr float kDecimal8Value[] = {0, 0x1.33bp-4, 0x1.e1cp-4, 0x1.4158p-3, -0x1.b98p-4, -0x1.2ffp-4, -0x1.5b6p-5, 0};
inline constexpr float kDecimal8Series[] = {-0x1.5a0a62p-27, -0x1.bcb7bp-3, 0x1.287a68p-3, -0x1.bcbf62p-4, 0x1.641a6ep-4, -0x1.249ebcp-4, 0x1.81a768p-5};

// 32 intervals of 1 / 8.0, degree 4: relative error 3e-09.
inline constexpr float kErrorFunction32Scale = 0x1p+3;
inline constexpr float kErrorFunction32Limit = 0x1.f70a3ep+1;
inline constexpr float kErrorFunction32[6][32] = {
    {0x1.a4ccd2p-12, 0x1.000012p-3, 0x1.00010cp-2, 0x1.7fff8cp-2, 0x1.fff2fcp-2, 0x1.40017cp-1, 0x1.80047ap-1, 0x1.bff942p-1, 0x1.ffff54p-1, 0x1.2005e8p+0, 0x1.40061cp+0, 0x1.5fff9ep+0, 0x1.80020ep+0, 0x1.9ffdecp+0, 0x1.bfffbcp+0, 0x1.e000e6p+0, 0x1.000398p+1, 0x1.10045cp+1, 0x1.20033ep+1, 0x1.2fff28p+1, 0x1.3ffdacp+1, 0x1.50015ep+1, 0x1.5ffca4p+1, 0x1.6ffffp+1, 0x1.7fff54p+1, 0x1.900178p+1, 0x1.a00258p+1, 0x1.b00044p+1, 0x1.c000e4p+1, 0x1.cffce6p+1, 0x1.e0002cp+1, 0x1.ef7b18p+1},
    {0x1.20dd74p+0, 0x1.1f5e1ap+0, 0x1.1af542p+0, 0x1.13e094p+0, 0x1.0a8004p+0, 0x1.fe8e88p-1, 0x1.e579a2p-1, 0x1.cace9ep-1, 0x1.af76c4p-1, 0x1.944bc8p-1, 0x1.7a003p-1, 0x1.6110bp-1, 0x1.49c21ep-1, 0x1.344a4ep-1, 0x1.20ac2cp-1, 0x1.0ee0a8p-1, 0x1.fd9406p-2, 0x1.e092fap-2, 0x1.c66cfep-2, 0x1.aed33p-2, 0x1.9971e4p-2, 0x1.86024ap-2, 0x1.74570cp-2, 0x1.642838p-2, 0x1.5554p-2, 0x1.47ac0cp-2, 0x1.3b1192p-2, 0x1.2f67f8p-2, 0x1.2491a6p-2, 0x1.1a7d74p-2, 0x1.1110f6p-2, 0x1.0888f2p-2},
    {-0x1.3c8afep-12, -0x1.7d900ep-4, -0x1.730854p-3, -0x1.09abeap-2, -0x1.4c3278p-2, -0x1.7edfe2p-2, -0x1.a0cf98p-2, -0x1.b2920ap-2, -0x1.b5db08p-2, -0x1.ad12a4p-2, -0x1.9b0ecp-2, -0x1.82ad6ep-2, -0x1.667cfap-2, -0x1.48b9bcp-2, -0x1.2b07e8p-2, -0x1.0e9d56p-2, -0x1.e865d6p-3, -0x1.b864p-3, -0x1.8d6b1ap-3, -0x1.67593ep-3, -0x1.45c7b4p-3, -0x1.283fe6p-3, -0x1.0e5dbp-3, -0x1.ef1c18p-4, -0x1.c6eac8p-4, -0x1.a3545p-4, -0x1.83bb42p-4, -0x1.67937cp-4, -0x1.4e5b08p-4, -0x1.37b802p-4, -0x1.2344fp-4, -0x1.115aa4p-4},
    {-0x1.81276ep-2, -0x1.766bbep-2, -0x1.5765fap-2, -0x1.276bdap-2, -0x1.d6ea26p-3, -0x1.5272aap-3, -0x1.9a6b72p-4, -0x1.45a618p-5, 0x1.9911dp-7, 0x1.bc2bp-5, 0x1.5ab8aep-4, 0x1.ab1448p-4, 0x1.d4db14p-4, 0x1.df89a4p-4, 0x1.d354c4p-4, 0x1.b7e902p-4, 0x1.93c198p-4, 0x1.6bf09ep-4, 0x1.4400dap-4, 0x1.1e333ap-4, 0x1.f76982p-5, 0x1.ba04fep-5, 0x1.847804p-5, 0x1.560bfcp-5, 0x1.2e23a8p-5, 0x1.0bd62ap-5, 0x1.dcb82ep-6, 0x1.a9f45p-6, 0x1.7e077ep-6, 0x1.57f02ep-6, 0x1.36ac2p-6, 0x1.1a763cp-6},
    {0x1.ba1b82p-13, 0x1.c4e33cp-5, 0x1.ac391ep-4, 0x1.245ec6p-3, 0x1.5549fcp-3, 0x1.66a482p-3, 0x1.5a698ep-3, 0x1.3640f2p-3, 0x1.01ac54p-3, 0x1.8a0e24p-4, 0x1.0fc48cp-4, 0x1.40538ap-5, 0x1.0aaab8p-6, -0x1.51a258p-10, -0x1.bdee66p-7, -0x1.5c3948p-6, -0x1.9be53cp-6, -0x1.adf182p-6, -0x1.a187bp-6, -0x1.8326bcp-6, -0x1.5bf3e2p-6, -0x1.32409p-6, -0x1.0a1be4p-6, -0x1.caee3cp-7, -0x1.8a5c9ap-7, -0x1.52c4d8p-7, -0x1.237824p-7, -0x1.f729fcp-8, -0x1.b3e896p-8, -0x1.7b5cb8p-8, -0x1.4b66c2p-8, -0x1.23f6d4p-8},
    {0x1.cc719ap-4, 0x1.b414cap-4, 0x1.6c63ap-4, 0x1.01a2fep-4, 0x1.096dd6p-5, 0x1.dc3756p-10, -0x1.965c96p-6, -0x1.6e500ep-5, -0x1.cfe868p-5, -0x1.f072b8p-5, -0x1.dacf3ep-5, -0x1.9ddca2p-5, -0x1.4c16f8p-5, -0x1.e76b5cp-6, -0x1.426e04p-6, -0x1.6ea9fp-7, -0x1.30ec6ep-8, -0x1.c0468cp-15, 0x1.749538p-9, 0x1.214bccp-8, 0x1.4a5334p-8, 0x1.4b35d2p-8, 0x1.351e9cp-8, 0x1.144c98p-8, 0x1.dfe7d4p-9, 0x1.9a2ec6p-9, 0x1.5b2884p-9, 0x1.24a264p-9, 0x1.ed107ap-10, 0x1.a05a5cp-10, 0x1.6086bap-10, 0x1.2d4ae6p-10},
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

// 32 intervals of 1 / 3.4611923694610596, degree 5: relative error 1e-08.
inline constexpr float kHyperbolicTangent32Scale = 0x1.bb085ap+1;
inline constexpr float kHyperbolicTangent32Limit = 0x1.233334p+3;
inline constexpr float kHyperbolicTangent32[7][32] = {
    {0, 0x1.27da38p-2, 0x1.27d5acp-1, 0x1.bbbd52p-1, 0x1.27daaep+0, 0x1.71cf42p+0, 0x1.bbc70cp+0, 0x1.02db94p+1, 0x1.27d74ap+1, 0x1.4cd3d2p+1, 0x1.71cf52p+1, 0x1.96cd7cp+1, 0x1.bbc53cp+1, 0x1.e0cfbcp+1, 0x1.02e006p+2, 0x1.155ed2p+2, 0x1.27d7dcp+2, 0x1.3a5816p+2, 0x1.4cd726p+2, 0x1.5f53fap+2, 0x1.71d158p+2, 0x1.844aacp+2, 0x1.96c96ap+2, 0x1.a94082p+2, 0x1.bbca8ep+2, 0x1.ce42d8p+2, 0x1.e0c10cp+2, 0x1.f348eap+2, 0x1.02e592p+3, 0x1.0c1e4ep+3, 0x1.155d88p+3, 0x1.1e9a14p+3},
    {0x1p+0, 0x1.f236c4p-1, 0x1.cdb9aep-1, 0x1.9d5864p-1, 0x1.6b1e5ep-1, 0x1.3d143p-1, 0x1.157a1ep-1, 0x1.e8ea32p-2, 0x1.b26cccp-2, 0x1.857e9p-2, 0x1.603e8cp-2, 0x1.411576p-2, 0x1.26c8f6p-2, 0x1.104ee8p-2, 0x1.fa00d6p-3, 0x1.d863c2p-3, 0x1.baf5bep-3, 0x1.a0ecb6p-3, 0x1.89c63ep-3, 0x1.751028p-3, 0x1.626a9cp-3, 0x1.518e9ap-3, 0x1.42360ap-3, 0x1.34388ep-3, 0x1.275874p-3, 0x1.1b8b8ap-3, 0x1.10a36p-3, 0x1.0684f8p-3, 0x1.fa456ep-4, 0x1.e8dbdp-4, 0x1.d88f9p-4, 0x1.c954cep-4},
    {-0x1.54617ap-24, -0x1.71679ep-3, -0x1.332888p-2, -0x1.5ec272p-2, -0x1.5197a4p-2, -0x1.297566p-2, -0x1.f59236p-3, -0x1.9efc86p-3, -0x1.55c2dep-3, -0x1.1a6762p-3, -0x1.d63e24p-4, -0x1.8b328p-4, -0x1.4f8368p-4, -0x1.1f97aep-4, -0x1.f1e6a8p-5, -0x1.b2b188p-5, -0x1.7e9e76p-5, -0x1.532dfcp-5, -0x1.2eacd2p-5, -0x1.0fbc5ap-5, -0x1.ea91a2p-6, -0x1.bd0b1ep-6, -0x1.9584a8p-6, -0x1.73142ep-6, -0x1.54bad8p-6, -0x1.3a0ca8p-6, -0x1.225af4p-6, -0x1.0d341ap-6, -0x1.f49ae8p-7, -0x1.d2c33p-7, -0x1.b428bep-7, -0x1.987fe2p-7},
    {-0x1.55534ap-2, -0x1.16610ep-2, -0x1.1a4388p-3, -0x1.14419ep-6, 0x1.ae0bf6p-5, 0x1.3d2edap-4, 0x1.3e13fcp-4, 0x1.16103ap-4, 0x1.c97e7ap-5, 0x1.6e74ap-5, 0x1.22dd2ap-5, 0x1.cdd8fcp-6, 0x1.70c146p-6, 0x1.28bd8cp-6, 0x1.e27276p-7, 0x1.8c00acp-7, 0x1.4859fep-7, 0x1.12c7ccp-7, 0x1.d010c8p-8, 0x1.8b318cp-8, 0x1.53275ap-8, 0x1.252f26p-8, 0x1.fe2796p-9, 0x1.bea472p-9, 0x1.8906dep-9, 0x1.5bcd5ep-9, 0x1.3534a6p-9, 0x1.140c4ap-9, 0x1.eefde2p-10, 0x1.bda8cp-10, 0x1.928ef2p-10, 0x1.6ce15p-10},
    {-0x1.061476p-12, 0x1.0af0d2p-3, 0x1.48d91ap-3, 0x1.c88b2ep-4, 0x1.9f4ecp-5, 0x1.6697e8p-7, -0x1.f1f1a2p-8, -0x1.bb306cp-7, -0x1.c07072p-7, -0x1.827a72p-7, -0x1.376bf8p-7, -0x1.e72c7ap-8, -0x1.78bb2p-8, -0x1.22b75ap-8, -0x1.c2a626p-9, -0x1.5fa64ap-9, -0x1.14e06cp-9, -0x1.b7c804p-10, -0x1.60e836p-10, -0x1.1dd38ep-10, -0x1.d33728p-11, -0x1.816b5ep-11, -0x1.40603p-11, -0x1.0c8cb2p-11, -0x1.c534bap-12, -0x1.8119f6p-12, -0x1.495758p-12, -0x1.1b1894p-12, -0x1.e94236p-13, -0x1.a97b44p-13, -0x1.738ca8p-13, -0x1.460c5p-13},
    {0x1.183ebap-3, 0x1.334456p-4, -0x1.1f3b54p-6, -0x1.c30136p-5, -0x1.7061fcp-5, -0x1.8c4f6ep-6, -0x1.355faap-7, -0x1.fe14f2p-10, 0x1.1ad356p-10, 0x1.fd745p-10, 0x1.f9974cp-10, 0x1.ab6e4ep-10, 0x1.520da8p-10, 0x1.034d22p-10, 0x1.892dbap-11, 0x1.290facp-11, 0x1.c232c6p-12, 0x1.56f248p-12, 0x1.075b58p-12, 0x1.97fd6ep-13, 0x1.3ef8aep-13, 0x1.f75ba8p-14, 0x1.90c87cp-14, 0x1.42084p-14, 0x1.04bb34p-14, 0x1.a9d89ep-15, 0x1.5e453ap-15, 0x1.222848p-15, 0x1.e3b66ap-16, 0x1.963ap-16, 0x1.56e97ap-16, 0x1.232caap-16},
    {-0x1.6f4c78p-6, -0x1.11ff24p-4, -0x1.9312b6p-5, -0x1.335d3p-8, 0x1.cd0464p-7, 0x1.a94332p-7, 0x1.e54028p-8, 0x1.b236d8p-9, 0x1.243986p-10, 0x1.ce3b9ap-13, -0x1.2c2af4p-13, -0x1.d32a62p-13, -0x1.d58f98p-13, -0x1.6c7ebap-13, -0x1.3499eap-13, -0x1.bea2f8p-14, -0x1.23a9f6p-14, -0x1.270472p-14, -0x1.32ba62p-15, -0x1.e5f6a8p-16, -0x1.bba63cp-16, -0x1.eac65p-17, -0x1.06365p-16, -0x1.3933d2p-17, -0x1.b18148p-19, -0x1.0b7e24p-18, -0x1.734696p-25, -0x1.a6a2b8p-20, -0x1.8cf95cp-18, -0x1.82ab8ap-19, -0x1.0f4c9p-19, 0x1.43872p-21},
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
