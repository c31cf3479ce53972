// Bodies in C++ for the field units in a simulation. Operands are below P, words of 32 bits, lowest first.
// P[] (the modulus, limbs of 64 bits) and INV (-1/P mod 2^64) stand before this text.
namespace {
typedef unsigned __int128 wide;
struct Fp {
  uint64_t limb[6];
  explicit Fp(const uint32_t* words) { memcpy(limb, words, sizeof limb); }
  // The value, which is below 2P and above -P where `borrow` says so, brought below P.
  void store(uint32_t* words, bool borrow) {
    uint64_t other[6], carry = 0;
    for (int i = 0; i < 6; i++) {
      wide sum = borrow ? (wide)limb[i] + P[i] + carry : (wide)limb[i] - P[i] - carry;
      other[i] = (uint64_t)sum;
      carry = (uint64_t)(sum >> 64) & 1;
    }
    memcpy(words, borrow || !carry ? other : limb, sizeof limb);
  }
};
}  // namespace
extern "C" {
// r = a*b/2^384 mod P: Montgomery's product, one limb of b at a time (CIOS). T < 2P after each limb, since P < 2^381.
void arblast_mont_mul(const uint32_t* a_words, const uint32_t* b_words, uint32_t* r_words) {
  Fp a(a_words), b(b_words);
  uint64_t t[7] = {0};
  for (int i = 0; i < 6; i++) {
    uint64_t carry = 0;
    for (int j = 0; j < 6; j++) {
      wide x = (wide)a.limb[j] * b.limb[i] + t[j] + carry;
      t[j] = (uint64_t)x;
      carry = (uint64_t)(x >> 64);
    }
    t[6] = carry;
    uint64_t q = t[0] * INV;
    carry = (uint64_t)(((wide)q * P[0] + t[0]) >> 64);
    for (int j = 1; j < 6; j++) {
      wide x = (wide)q * P[j] + t[j] + carry;
      t[j - 1] = (uint64_t)x;
      carry = (uint64_t)(x >> 64);
    }
    t[5] = t[6] + carry;
    t[6] = 0;
  }
  memcpy(a.limb, t, sizeof a.limb);
  a.store(r_words, false);
}
// r = a + b mod P.
void arblast_mod_add(const uint32_t* a_words, const uint32_t* b_words, uint32_t* r_words) {
  Fp a(a_words), b(b_words);
  uint64_t carry = 0;
  for (int i = 0; i < 6; i++) {
    wide x = (wide)a.limb[i] + b.limb[i] + carry;
    a.limb[i] = (uint64_t)x;
    carry = (uint64_t)(x >> 64);
  }
  a.store(r_words, false);
}
// r = a - b mod P.
void arblast_mod_sub(const uint32_t* a_words, const uint32_t* b_words, uint32_t* r_words) {
  Fp a(a_words), b(b_words);
  uint64_t borrow = 0;
  for (int i = 0; i < 6; i++) {
    wide x = (wide)a.limb[i] - b.limb[i] - borrow;
    a.limb[i] = (uint64_t)x;
    borrow = (uint64_t)(x >> 64) & 1;
  }
  if (borrow) a.store(r_words, true);
  else memcpy(r_words, a.limb, sizeof a.limb);
}
}
