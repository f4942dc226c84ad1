#include "crypto/crypto.h"

#include <doctest/doctest.h>

#include <set>

#include "base/bytes.h"

using namespace posthorn;
using namespace posthorn::crypto;

namespace {
std::string hex(std::string_view text) { return from_hex(text).value(); }
}  // namespace

TEST_CASE("digests: the examples of FIPS 180") {
  CHECK(to_hex(sha1("abc")) == "a9993e364706816aba3e25717850c26c9cd0d89d");
  CHECK(to_hex(sha256("abc")) ==
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  CHECK(to_hex(sha256("")) == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  CHECK(to_hex(sha256("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq")) ==
        "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
  CHECK(to_hex(sha512("abc")) ==
        "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"
        "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f");
}

TEST_CASE("sha256: pieces give the digest of the whole") {
  Sha256 pieces;
  pieces.add("a");
  pieces.add("");
  pieces.add("bc");
  CHECK(pieces.finish() == sha256("abc"));
  CHECK(Sha256().finish() == sha256(""));
}

TEST_CASE("hmac: the cases of RFC 4231 and RFC 2202") {
  struct Case {
    std::string key, data, sha256_hex;
  };
  const std::string aa131(131, '\xaa');
  const Case cases[]{
      {std::string(20, '\x0b'), "Hi There",
       "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"},
      {"Jefe", "what do ya want for nothing?",
       "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"},
      {std::string(20, '\xaa'), std::string(50, '\xdd'),
       "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe"},
      {hex("0102030405060708090a0b0c0d0e0f10111213141516171819"), std::string(50, '\xcd'),
       "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b"},
      {aa131, "Test Using Larger Than Block-Size Key - Hash Key First",
       "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"},
      {aa131,
       "This is a test using a larger than block-size key and a larger than block-size data. The "
       "key needs to be hashed before being used by the HMAC algorithm.",
       "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2"},
  };
  for (const Case& c : cases) {
    CAPTURE(c.data);
    CHECK(to_hex(hmac(Digest::sha256, c.key, c.data)) == c.sha256_hex);
    CHECK(to_hex(HmacKey(c.key).sign({c.data})) == c.sha256_hex);
  }
  CHECK(to_hex(hmac(Digest::sha1, "Jefe", "what do ya want for nothing?")) ==
        "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79");
  CHECK(to_hex(hmac(Digest::sha384, "Jefe", "what do ya want for nothing?")) ==
        "af45d2e376484031617f78d2b58a6b1b9c7ef464f5a01b47e42ec3736322445e"
        "8e2240ca5e69e2c78b3239ecfab21649");
  CHECK(to_hex(hmac(Digest::sha512, "Jefe", "what do ya want for nothing?")) ==
        "164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea250554"
        "9758bf75c05a994a6d034f65f8f0e6fdcaeab1a34d4a6b4b636e070a38bce737");
}

TEST_CASE("hmac: an empty key and empty data have a value") {
  constexpr std::string_view expected =
      "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad";
  CHECK(to_hex(hmac(Digest::sha256, "", "")) == expected);
  CHECK(to_hex(HmacKey("").sign({})) == expected);
  CHECK(to_hex(HmacKey("").sign({"", {}})) == expected);
}

TEST_CASE("hmac key: every signing starts afresh, pieces are joined, and a moved key signs on") {
  HmacKey key("Jefe");
  const std::string whole = hmac(Digest::sha256, "Jefe", "what do ya want for nothing?");
  CHECK(key.sign({"what do ya want for nothing?"}) == whole);
  CHECK(key.sign({"something else"}) != whole);
  CHECK(key.sign({"what do ya ", "", "want for ", "nothing?"}) == whole);
  HmacKey moved = std::move(key);
  CHECK(moved.sign({"what do ya want for nothing?"}) == whole);
}

TEST_CASE("equal_in_constant_time: same bytes and length, nothing less") {
  CHECK(equal_in_constant_time("", ""));
  CHECK(equal_in_constant_time("abc", "abc"));
  CHECK_FALSE(equal_in_constant_time("abc", "abd"));
  CHECK_FALSE(equal_in_constant_time("abc", "ab"));
  CHECK_FALSE(equal_in_constant_time("", "a"));
}

TEST_CASE("random_bytes: the asked number, never twice the same") {
  CHECK(random_bytes(0).empty());
  std::set<std::string> seen;
  for (int i = 0; i < 100; ++i) seen.insert(random_bytes(16));
  CHECK(seen.size() == 100);
  CHECK(seen.begin()->size() == 16);
}

TEST_CASE("ed25519: the cases of RFC 8032") {
  struct Case {
    std::string seed, public_key, data, signature;
  };
  const Case cases[]{
      {"9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
       "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a", "",
       "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf"
       "9"
       "b46bd25bf5f0595bbe24655141438e7a100b"},
      {"4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
       "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c", "72",
       "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f"
       "1"
       "1d8c387b2eaeb4302aeeb00d291612bb0c00"},
      {"c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
       "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025", "af82",
       "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984"
       "d"
       "c6594a7c15e9716ed28dc027beceea1ec40a"},
  };
  for (const Case& c : cases) {
    CAPTURE(c.data);
    const Ed25519Pair pair = make_ed25519(hex(c.seed));
    CHECK(to_hex(pair.public_key) == c.public_key);
    CHECK(pair.seed.reveal() == hex(c.seed));
    CHECK(to_hex(ed25519_sign(pair.seed, hex(c.data))) == c.signature);
    CHECK(ed25519_verify(pair.public_key, hex(c.signature), hex(c.data)));
  }
}

TEST_CASE("ed25519: a changed byte, another key and wrong sizes do not verify") {
  const Ed25519Pair pair = make_ed25519(std::string(32, 'a'));
  const std::string signature = ed25519_sign(pair.seed, "data");
  CHECK(ed25519_verify(pair.public_key, signature, "data"));
  CHECK_FALSE(ed25519_verify(pair.public_key, signature, "Data"));
  CHECK_FALSE(ed25519_verify(make_ed25519(std::string(32, 'b')).public_key, signature, "data"));
  std::string changed = signature;
  changed[40] = static_cast<char>(changed[40] ^ 1);
  CHECK_FALSE(ed25519_verify(pair.public_key, changed, "data"));
  CHECK_FALSE(ed25519_verify(pair.public_key, signature.substr(1), "data"));
  CHECK_FALSE(ed25519_verify(pair.public_key.substr(1), signature, "data"));
  CHECK_FALSE(ed25519_verify(std::string(32, '\xff'), signature, "data"));
  CHECK_FALSE(ed25519_verify("", "", ""));
  CHECK(ed25519_verify(pair.public_key, ed25519_sign(pair.seed, {}), {}));
}

TEST_CASE(
    "open: NIST's AES-256-GCM example with context opens, so the format is the standard one") {
  // Test case 16 of "The Galois/Counter Mode of Operation" (McGrew, Viega).
  const std::string key = hex("feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308");
  const std::string sealed =
      hex("cafebabefacedbaddecaf888"
          "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa"
          "8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662"
          "76fc6ece0f4e1768cddf8853bb2d551b");
  const std::string context = hex("feedfacedeadbeeffeedfacedeadbeefabaddad2");
  const auto plain = open(key, sealed, context);
  REQUIRE(plain.has_value());
  CHECK(to_hex(*plain) ==
        "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72"
        "1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39");
}

TEST_CASE("seal: opens with the same key and context alone") {
  const std::string key(32, 'k'), other(32, 'x');
  for (const std::string& plain : {std::string(), std::string("s"), std::string(100'000, 'p')}) {
    for (const char* context : {"", "endpoint:1:secret"}) {
      const std::string sealed = seal(key, plain, context);
      CHECK(sealed.size() == plain.size() + 28);
      CHECK(open(key, sealed, context) == plain);
      CHECK_FALSE(open(other, sealed, context).has_value());
      CHECK_FALSE(open(key, sealed, "endpoint:2:secret").has_value());
    }
  }
  CHECK(seal(key, "same", "") != seal(key, "same", ""));
}

TEST_CASE("open: any changed, missing or added byte is refused") {
  const std::string key(32, 'k');
  const std::string sealed = seal(key, "secret", "row");
  for (std::size_t i = 0; i < sealed.size(); ++i) {
    std::string changed = sealed;
    changed[i] = static_cast<char>(changed[i] ^ 0x10);
    CAPTURE(i);
    CHECK_FALSE(open(key, changed, "row").has_value());
    CHECK_FALSE(open(key, std::string_view(sealed).substr(0, i), "row").has_value());
  }
  CHECK_FALSE(open(key, sealed + "x", "row").has_value());
  CHECK(open(key, sealed, "row") == "secret");
}
