//! Isogenies from their kernels, and polynomials over Fp2.

use crate::field::{Fp2, Prime};

/// A polynomial, lowest coefficient first.
type Polynomial = Vec<Fp2>;

/// The rational functions of an isogeny: (x, y) ↦ (X(x)/h(x)², y·Y(x)/h(x)³).
pub struct Isogeny {
    /// X, monic, of degree 2d + 1.
    pub x: Polynomial,
    /// Y, monic, of degree 3d.
    pub y: Polynomial,
}

/// The normalised isogeny from y² = x³ + ax + b whose kernel has the abscissas that are the roots of the monic `kernel`.
///
/// Kohel, "Endomorphism rings of elliptic curves over finite fields", section 2.4, for an odd degree 2d + 1, with h the
/// kernel's polynomial and s₁ the sum of its roots:
/// φ = (2d + 1)x − 2s₁ − (6x² + 2a)·h'/h + (4x³ + 4ax + 4b)·(h'² − h·h'')/h², and y maps to y·φ'.
pub fn normalised(kernel: &[Fp2], a: &Fp2, b: &Fp2, p: &Prime) -> Isogeny {
    let number = |n: i64| Fp2 { c0: p.of(&n.into()), c1: 0u32.into() };
    let d = kernel.len() - 1;
    let (h, first) = (kernel.to_vec(), derivative(kernel, p));
    let second = derivative(&first, p);
    let minus_two = number(-2);
    let zero = number(0);
    let curve = vec![b.mul(&number(4), p), a.mul(&number(4), p), zero.clone(), number(4)];
    let tangent = vec![a.mul(&minus_two, p), zero, number(-6)];
    // −2s₁ = 2·(the coefficient of x^(d−1)).
    let linear = vec![h[d - 1].mul(&number(2), p), number(2 * d as i64 + 1)];
    let bend = add(&mul(&first, &first, p), &scale(&mul(&h, &second, p), &number(-1), p), p);
    let x = add(&mul(&bend, &curve, p), &mul(&mul(&tangent, &first, p), &h, p), p);
    let x = trim(add(&x, &mul(&linear, &mul(&h, &h, p), p), p));
    // (X/h²)' = (X'·h − 2·X·h')/h³.
    let fall = scale(&mul(&x, &first, p), &minus_two, p);
    let y = trim(add(&mul(&derivative(&x, p), &h, p), &fall, p));
    Isogeny { x, y }
}

fn add(a: &[Fp2], b: &[Fp2], p: &Prime) -> Polynomial {
    let zero = Fp2 { c0: 0u32.into(), c1: 0u32.into() };
    let term = |f: &[Fp2], i: usize| f.get(i).cloned().unwrap_or_else(|| zero.clone());
    (0..a.len().max(b.len())).map(|i| term(a, i).add(&term(b, i), p)).collect()
}

fn scale(a: &[Fp2], k: &Fp2, p: &Prime) -> Polynomial {
    a.iter().map(|c| c.mul(k, p)).collect()
}

fn mul(a: &[Fp2], b: &[Fp2], p: &Prime) -> Polynomial {
    let mut out = Vec::new();
    for (i, c) in a.iter().enumerate() {
        let mut shifted = vec![Fp2 { c0: 0u32.into(), c1: 0u32.into() }; i];
        shifted.extend(scale(b, c, p));
        out = add(&out, &shifted, p);
    }
    out
}

fn derivative(a: &[Fp2], p: &Prime) -> Polynomial {
    a.iter().enumerate().skip(1).map(|(i, c)| c.scale(&i.into(), p)).collect()
}

fn trim(mut a: Polynomial) -> Polynomial {
    let zero = Fp2 { c0: 0u32.into(), c1: 0u32.into() };
    while a.last() == Some(&zero) {
        a.pop();
    }
    a
}
