//! The decimal digits of a double by Grisu2 (Florian Loitsch, "Printing Floating-Point Numbers
//! Quickly and Accurately with Integers", 2010).
//!
//! The digits always read back as the same double. In about one of a thousand doubles they are not
//! the shortest, or not the nearest, of all that do; the reference prints with Grisu2 too, and being
//! equal to it in those as well is why this is here and not the standard library's printing.

/// 10^k for k from -348 in steps of 8: 64 bits, the highest one set, rounded to nearest.
#[rustfmt::skip]
const POWERS: [u64; 87] = [
    0xfa8f_d5a0_081c_0288,
    0xbaae_e17f_a23e_bf76,
    0x8b16_fb20_3055_ac76,
    0xcf42_894a_5dce_35ea,
    0x9a6b_b0aa_5565_3b2d,
    0xe61a_cf03_3d1a_45df,
    0xab70_fe17_c79a_c6ca,
    0xff77_b1fc_bebc_dc4f,
    0xbe56_91ef_416b_d60c,
    0x8dd0_1fad_907f_fc3c,
    0xd351_5c28_3155_9a83,
    0x9d71_ac8f_ada6_c9b5,
    0xea9c_2277_23ee_8bcb,
    0xaecc_4991_4078_536d,
    0x823c_1279_5db6_ce57,
    0xc210_9436_4dfb_5637,
    0x9096_ea6f_3848_984f,
    0xd774_85cb_2582_3ac7,
    0xa086_cfcd_97bf_97f4,
    0xef34_0a98_172a_ace5,
    0xb238_67fb_2a35_b28e,
    0x84c8_d4df_d2c6_3f3b,
    0xc5dd_4427_1ad3_cdba,
    0x936b_9fce_bb25_c996,
    0xdbac_6c24_7d62_a584,
    0xa3ab_6658_0d5f_daf6,
    0xf3e2_f893_dec3_f126,
    0xb5b5_ada8_aaff_80b8,
    0x8762_5f05_6c7c_4a8b,
    0xc9bc_ff60_34c1_3053,
    0x964e_858c_91ba_2655,
    0xdff9_7724_7029_7ebd,
    0xa6df_bd9f_b8e5_b88f,
    0xf8a9_5fcf_8874_7d94,
    0xb944_7093_8fa8_9bcf,
    0x8a08_f0f8_bf0f_156b,
    0xcdb0_2555_6531_31b6,
    0x993f_e2c6_d07b_7fac,
    0xe45c_10c4_2a2b_3b06,
    0xaa24_2499_6973_92d3,
    0xfd87_b5f2_8300_ca0e,
    0xbce5_0864_9211_1aeb,
    0x8cbc_cc09_6f50_88cc,
    0xd1b7_1758_e219_652c,
    0x9c40_0000_0000_0000,
    0xe8d4_a510_0000_0000,
    0xad78_ebc5_ac62_0000,
    0x813f_3978_f894_0984,
    0xc097_ce7b_c907_15b3,
    0x8f7e_32ce_7bea_5c70,
    0xd5d2_38a4_abe9_8068,
    0x9f4f_2726_179a_2245,
    0xed63_a231_d4c4_fb27,
    0xb0de_6538_8cc8_ada8,
    0x83c7_088e_1aab_65db,
    0xc45d_1df9_4271_1d9a,
    0x924d_692c_a61b_e758,
    0xda01_ee64_1a70_8dea,
    0xa26d_a399_9aef_774a,
    0xf209_787b_b47d_6b85,
    0xb454_e4a1_79dd_1877,
    0x865b_8692_5b9b_c5c2,
    0xc835_53c5_c896_5d3d,
    0x952a_b45c_fa97_a0b3,
    0xde46_9fbd_99a0_5fe3,
    0xa59b_c234_db39_8c25,
    0xf6c6_9a72_a398_9f5c,
    0xb7dc_bf53_54e9_bece,
    0x88fc_f317_f222_41e2,
    0xcc20_ce9b_d35c_78a5,
    0x9816_5af3_7b21_53df,
    0xe2a0_b5dc_971f_303a,
    0xa8d9_d153_5ce3_b396,
    0xfb9b_7cd9_a4a7_443c,
    0xbb76_4c4c_a7a4_4410,
    0x8bab_8eef_b640_9c1a,
    0xd01f_ef10_a657_842c,
    0x9b10_a4e5_e991_3129,
    0xe710_9bfb_a19c_0c9d,
    0xac28_20d9_623b_f429,
    0x8044_4b5e_7aa7_cf85,
    0xbf21_e440_03ac_dd2d,
    0x8e67_9c2f_5e44_ff8f,
    0xd433_179d_9c8c_b841,
    0x9e19_db92_b4e3_1ba9,
    0xeb96_bf6e_badf_77d9,
    0xaf87_023b_9bf0_ee6b,
];

const FIRST_POWER: i32 = -348;
const STEP: i32 = 8;

/// The least exponent of a scaled number; the greatest is -32 or below, so that the whole part
/// fits 32 bits and ten times the rest fits 64.
const LEAST_EXPONENT: i32 = -60;

/// Up to 17 decimal digits, and the power of ten that the last of them counts.
pub(super) struct Digits {
    bytes: [u8; 20],
    len: usize,
    /// The value is the digits, read as a whole number, times ten to this power.
    pub exponent: i32,
}

impl Digits {
    /// The digits in ASCII; the first is not 0.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes[..self.len]
    }

    /// Adds a digit, unless it is a leading zero.
    fn push(&mut self, digit: u64) {
        if digit != 0 || self.len != 0 {
            self.bytes[self.len] = b'0' + digit as u8;
            self.len += 1;
        }
    }

    /// The digits made so far stand for `upper - rest`, the double for `upper - target`. Lowers the
    /// last digit, which counts `unit`, while that comes nearer and stays within `delta` of `upper`.
    fn approach(&mut self, delta: u64, mut rest: u64, unit: u64, target: u64) {
        while rest < target
            && delta - rest >= unit
            && (rest + unit < target || target - rest > rest + unit - target)
        {
            self.bytes[self.len - 1] -= 1;
            rest += unit;
        }
    }
}

/// The digits of a finite number above 0.
pub(super) fn digits(value: f64) -> Digits {
    let bits = value.to_bits();
    let hidden = 1u64 << 52;
    let biased = (bits >> 52 & 0x7ff) as i32;
    let fraction = bits & (hidden - 1);
    let (mantissa, exponent) = if biased == 0 {
        (fraction, 1 - 1075)
    } else {
        (fraction | hidden, biased - 1075)
    };

    // Half way to both neighbours, with the exponent of the normalized upper bound.
    let above = mantissa * 2 + 1;
    let shift = above.leading_zeros() as i32;
    let top = exponent - 1 - shift;
    let upper = above << shift;
    // The neighbour below a power of two is half as far away.
    let lower = if mantissa == hidden {
        (mantissa * 4 - 1) << (shift - 1)
    } else {
        (mantissa * 2 - 1) << shift
    };
    let middle = mantissa << (shift + 1);

    let (power, power_exponent, decimal) = scale(top);
    let times = |number: u64| {
        let product = u128::from(number) * u128::from(power);
        ((product + (1 << 63)) >> 64) as u64
    };
    // One unit to the safe side each, for the errors of the power and the product.
    let (upper, lower) = (times(upper) - 1, times(lower) + 1);
    generate(
        times(middle),
        upper,
        lower,
        top + power_exponent + 64,
        -decimal,
    )
}

/// The least power of ten that lifts `exponent` to [`LEAST_EXPONENT`]: its mantissa, its binary
/// exponent, its decimal exponent.
fn scale(exponent: i32) -> (u64, i32, i32) {
    // floor(k * log2(10)) - 63, exact for every k in the table.
    let binary = |k: i32| ((k * 217_706) >> 16) - 63;
    let fits = |index: usize| {
        let k = FIRST_POWER + STEP * index as i32;
        exponent + binary(k) + 64 >= LEAST_EXPONENT
    };
    let (mut low, mut high) = (0, POWERS.len() - 1);
    while low < high {
        let middle = (low + high) / 2;
        if fits(middle) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    let k = FIRST_POWER + STEP * low as i32;
    (POWERS[low], binary(k), k)
}

/// Makes digits of `upper` until what is left is within `upper - lower`. All three have the binary
/// exponent `exponent`, -60 to -32, and the decimal exponent `decimal`.
fn generate(middle: u64, upper: u64, lower: u64, exponent: i32, decimal: i32) -> Digits {
    let mut out = Digits {
        bytes: [0; 20],
        len: 0,
        exponent: decimal,
    };
    let target = upper - middle;
    let mut delta = upper - lower;
    let point = exponent.unsigned_abs();
    let one = 1u64 << point;
    let mut whole = upper >> point;
    let mut fraction = upper & (one - 1);

    for place in (0..10).rev() {
        let unit = 10u64.pow(place);
        out.push(whole / unit);
        whole %= unit;
        let rest = (whole << point) + fraction;
        if rest <= delta {
            out.exponent += place as i32;
            out.approach(delta, rest, unit << point, target);
            return out;
        }
    }
    let mut factor = 1u64;
    loop {
        fraction *= 10;
        delta *= 10;
        factor *= 10;
        out.exponent -= 1;
        out.push(fraction >> point);
        fraction &= one - 1;
        if fraction < delta {
            out.approach(delta, fraction, one, target.wrapping_mul(factor));
            return out;
        }
    }
}
