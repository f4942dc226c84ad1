#include "http/inflate.h"

#include <doctest/doctest.h>
#include <zlib.h>

#include <string>

namespace {

using posthorn::Errc;
using posthorn::http::inflate_gzip;
using posthorn::http::InflateLimits;

constexpr int gzip_format = 16 + MAX_WBITS;
constexpr int zlib_format = MAX_WBITS;
constexpr int raw_format = -MAX_WBITS;

std::string deflated(std::string_view text, int format = gzip_format) {
  z_stream stream{};
  REQUIRE(deflateInit2(&stream, 9, Z_DEFLATED, format, 8, Z_DEFAULT_STRATEGY) == Z_OK);
  std::string in(text);
  std::string out(deflateBound(&stream, in.size()) + 64, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(in.data());
  stream.avail_in = static_cast<uInt>(in.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  REQUIRE(deflate(&stream, Z_FINISH) == Z_STREAM_END);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

Errc error_of(std::string_view compressed, InflateLimits limits = {}) {
  const auto result = inflate_gzip(compressed, limits);
  REQUIRE_FALSE(result);
  return result.error().code;
}

/// Text that hardly compresses, so that only the limit on bytes can bite.
std::string noise(std::size_t bytes) {
  std::string text;
  std::uint64_t state = 88172645463325252ULL;
  while (text.size() < bytes) {
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    text.push_back(static_cast<char>(state));
  }
  return text;
}

TEST_CASE("inflate_gzip gives back what was compressed, empty and large alike") {
  for (const std::size_t bytes : {0UZ, 1UZ, 16383UZ, 16384UZ, 16385UZ, 300000UZ}) {
    const auto text = noise(bytes);
    const auto result = inflate_gzip(deflated(text));
    REQUIRE(result);
    CHECK(*result == text);
  }
}

TEST_CASE("inflate_gzip takes a body at its limit of bytes and refuses one byte more") {
  const InflateLimits limits{.bytes_max = 40000, .ratio_max = 100};
  CHECK(inflate_gzip(deflated(noise(40000)), limits));
  CHECK(error_of(deflated(noise(40001)), limits) == Errc::limit);
}

TEST_CASE("inflate_gzip takes a body at its limit of ratio and refuses one byte more") {
  const auto compressed = deflated(std::string(64000, '0'));
  const auto ratio = 64000 / compressed.size();
  const auto edge = ratio * compressed.size();
  const auto at_edge = deflated(std::string(edge, '0'));
  REQUIRE(at_edge.size() == compressed.size());
  CHECK(inflate_gzip(at_edge, {.bytes_max = 1 << 20, .ratio_max = ratio}));
  const auto past_edge = deflated(std::string(edge + 1, '0'));
  REQUIRE(past_edge.size() == compressed.size());
  CHECK(error_of(past_edge, {.bytes_max = 1 << 20, .ratio_max = ratio}) == Errc::limit);
}

TEST_CASE("inflate_gzip stops a bomb, also one that is packed twice") {
  const std::string zeros(8 << 20, '0');
  CHECK(error_of(deflated(zeros)) == Errc::limit);
  const auto inner =
      inflate_gzip(deflated(deflated(zeros)), {.bytes_max = 1 << 20, .ratio_max = 1000});
  REQUIRE(inner);
  CHECK(error_of(*inner) == Errc::limit);
}

TEST_CASE("inflate_gzip refuses every cut of a stream and every flipped byte of its end") {
  const auto good = deflated(noise(600));
  for (std::size_t cut = 0; cut < good.size(); ++cut) {
    CAPTURE(cut);
    CHECK(error_of(std::string_view(good).substr(0, cut), {.bytes_max = 1 << 20}) == Errc::invalid);
  }
  for (std::size_t at = good.size() - 8; at < good.size(); ++at) {
    auto damaged = good;
    damaged[at] = static_cast<char>(damaged[at] ^ 1);
    CHECK(error_of(damaged) == Errc::invalid);
  }
}

TEST_CASE("inflate_gzip refuses what is not one gzip member") {
  CHECK(error_of("{\"ok\":true}") == Errc::invalid);
  CHECK(error_of(deflated("text", zlib_format)) == Errc::invalid);
  CHECK(error_of(deflated("text", raw_format)) == Errc::invalid);
  CHECK(error_of(deflated("text") + "x") == Errc::invalid);
  CHECK(error_of(deflated("one") + deflated("two")) == Errc::invalid);
}

}  // namespace
