#include "net/http_client_reply.h"

#include <doctest/doctest.h>

#include <random>

using namespace posthorn;
using namespace posthorn::net;
using env::Exchange;
using env::ExchangeResult;

namespace {

struct Read {
  Exchange exchange;
  bool more = true;
  bool verdict = false;
  bool reusable = false;

  friend bool operator==(const Read& a, const Read& b) {
    return a.exchange.result == b.exchange.result && a.exchange.status == b.exchange.status &&
           a.exchange.headers == b.exchange.headers && a.exchange.body == b.exchange.body &&
           a.exchange.body_truncated == b.exchange.body_truncated && a.verdict == b.verdict;
  }
};

Read read(std::string_view bytes, std::size_t piece, bool is_head = false, bool closed = true,
          std::size_t kept = ReplyReader::body_kept) {
  Read out;
  ReplyReader reader(out.exchange, is_head, kept);
  while (out.more && !bytes.empty()) {
    out.more = reader.take(bytes.substr(0, piece));
    bytes.remove_prefix(std::min(piece, bytes.size()));
  }
  if (out.more) reader.end(closed);
  out.verdict = reader.has_verdict();
  out.reusable = reader.is_reusable();
  return out;
}

const std::vector<std::string> samples{
    "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX-A: 1\r\n\r\nhello",
    "HTTP/1.1 204\r\n\r\n",
    "HTTP/1.0 404 Not here\r\nX-A:  padded \t\r\n\r\ntext until close",
    "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Hints\r\nLink: x\r\n\r\nHTTP/1.1 202 "
    "Ok\r\nTransfer-Encoding: chunked\r\n\r\n5;a=b\r\nhello\r\n1\r\n!\r\n0\r\nT: x\r\n\r\n",
    "HTTP/1.1 200 OK\nContent-Length: 2\n\nok",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhelloX\r\n",
    "HTTP/1.1 503 Busy\r\nRetry-After: 7\r\nContent-Length: 100\r\n\r\ncut",
    "HTTP/1.1 200 OK\r\nbad line\r\n folded\r\n: nameless\r\nContent-Length: 0\r\n\r\n",
    "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nabc",
    "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\nabc",
    "HTTP/1.1 2x0 OK\r\n\r\n",
    "HTTQ/1.1 200 OK\r\n\r\n",
    "HTTP/1.1 200 OK\r\nX-Cut: he",
    "HTTP/1.1 20",
    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n",
};

}  // namespace

TEST_CASE("reply: how the bytes are cut changes nothing") {
  for (const auto& sample : samples) {
    const Read whole = read(sample, sample.size());
    for (std::size_t piece = 1; piece < sample.size(); ++piece) {
      CAPTURE(sample);
      CAPTURE(piece);
      CHECK(read(sample, piece) == whole);
    }
  }
}

TEST_CASE("reply: verdict, headers, body and whether the connection is fit") {
  const Read good = read(samples[0], 1000);
  CHECK(good.exchange.status == 200);
  CHECK(good.exchange.headers.size() == 2);
  CHECK(good.exchange.body == "hello");
  CHECK(good.reusable);

  CHECK(read(samples[1], 1000).reusable);
  const Read old = read(samples[2], 1000);
  CHECK(old.exchange.status == 404);
  CHECK(old.exchange.headers.at(0).value == "padded");
  CHECK(old.exchange.body == "text until close");
  CHECK_FALSE(old.exchange.body_truncated);
  CHECK_FALSE(old.reusable);

  const Read chunked = read(samples[3], 1000);
  CHECK(chunked.exchange.status == 202);
  CHECK(chunked.exchange.body == "hello!");
  CHECK(chunked.exchange.headers.size() == 1);
  CHECK(chunked.reusable);

  for (const std::size_t broken : {5U, 6U, 7U}) {
    const Read cut = read(samples[broken], 1000);
    CAPTURE(samples[broken]);
    CHECK(cut.exchange.result == ExchangeResult::ok);
    CHECK(cut.exchange.body_truncated);
    CHECK_FALSE(cut.reusable);
  }
  for (const std::size_t odd : {8U, 9U, 10U, 15U}) {
    const Read unfit = read(samples[odd], 1000);
    CAPTURE(samples[odd]);
    CHECK(unfit.exchange.result == ExchangeResult::ok);
    CHECK_FALSE(unfit.reusable);
  }
  CHECK(read(samples[11], 1000).exchange.result == ExchangeResult::protocol_error);
  CHECK(read(samples[12], 1000).exchange.result == ExchangeResult::protocol_error);
  const Read cut_head = read(samples[13], 1000);
  CHECK(cut_head.exchange.status == 200);
  CHECK(cut_head.exchange.headers.empty());
  CHECK(cut_head.exchange.body_truncated);
  CHECK_FALSE(read(samples[14], 1000).verdict);
}

TEST_CASE("reply: limits hold at their edge and one past it") {
  const auto with_head_of = [](std::size_t bytes) {
    std::string head = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nX: ";
    head.append(bytes - head.size() - 4, 'a').append("\r\n\r\n");
    return head;
  };
  CHECK(read(with_head_of(ReplyReader::head_max), 4096).exchange.status == 200);
  CHECK(read(with_head_of(ReplyReader::head_max + 1), 4096).exchange.result ==
        ExchangeResult::protocol_error);

  const auto after_interim = [](int count) {
    std::string text;
    for (int i = 0; i < count; ++i) text += "HTTP/1.1 100 Continue\r\n\r\n";
    return text + "HTTP/1.1 204 No\r\n\r\n";
  };
  CHECK(read(after_interim(ReplyReader::interim_max), 100).exchange.status == 204);
  CHECK(read(after_interim(ReplyReader::interim_max + 1), 100).exchange.result ==
        ExchangeResult::protocol_error);

  const auto with_body_of = [](std::size_t bytes) {
    return "HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(bytes) + "\r\n\r\n" +
           std::string(bytes, 'b');
  };
  const Read kept = read(with_body_of(ReplyReader::body_kept), 1000);
  CHECK(kept.exchange.body.size() == ReplyReader::body_kept);
  CHECK_FALSE(kept.exchange.body_truncated);
  const Read cut = read(with_body_of(ReplyReader::body_kept + 1), 1000);
  CHECK(cut.exchange.body.size() == ReplyReader::body_kept);
  CHECK(cut.exchange.body_truncated);
  CHECK(cut.reusable);
  CHECK(read(with_body_of(ReplyReader::body_read_max), 1000).reusable);
  CHECK_FALSE(read(with_body_of(ReplyReader::body_read_max + 1), 1000).reusable);

  std::string many = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n";
  for (std::size_t i = 1; i < ReplyReader::headers_kept; ++i) many += "X: y\r\n";
  const Read all = read(many + "\r\n", 1000);
  CHECK(all.exchange.headers.size() == ReplyReader::headers_kept);
  CHECK(all.reusable);
  const Read too_many = read(many + "X: y\r\n\r\n", 1000);
  CHECK(too_many.exchange.headers.size() == ReplyReader::headers_kept);
  CHECK_FALSE(too_many.reusable);
}

TEST_CASE("reply: HEAD has no body, whatever its headers say") {
  const Read head = read("HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n", 1000, true);
  CHECK(head.exchange.status == 200);
  CHECK_FALSE(head.exchange.body_truncated);
  CHECK(head.reusable);
  CHECK_FALSE(read("HTTP/1.1 204 No\r\nContent-Length: 5\r\n\r\n", 1000).reusable);
  CHECK(read("HTTP/1.1 204 No\r\nContent-Length: 0\r\n\r\n", 1000).reusable);
  CHECK(read("HTTP/1.1 304 Same\r\nContent-Length: 5\r\n\r\n", 1000).reusable);
}

TEST_CASE("reply: for any bytes the reader ends in a result and keeps its bounds [property]") {
  const unsigned seed = std::random_device{}();
  MESSAGE("seed ", seed);
  std::mt19937 random(seed);
  const auto below = [&random](std::size_t bound) {
    return std::uniform_int_distribution<std::size_t>(0, bound - 1)(random);
  };
  for (int round = 0; round < 3000; ++round) {
    std::string bytes = samples[below(samples.size())];
    for (std::size_t changes = below(4); changes > 0 && !bytes.empty(); --changes) {
      const std::size_t at = below(bytes.size());
      switch (below(3)) {
        case 0:
          bytes[at] = static_cast<char>(below(256));
          break;
        case 1:
          bytes.insert(at, samples[below(samples.size())].substr(0, below(30)));
          break;
        default:
          bytes.erase(at, below(8));
      }
    }
    const Read whole = read(bytes, bytes.size() + 1);
    const Read cut = read(bytes, 1 + below(7));
    CAPTURE(bytes);
    REQUIRE(whole == cut);
    REQUIRE(whole.exchange.body.size() <= ReplyReader::body_kept);
    REQUIRE((whole.exchange.result == ExchangeResult::ok) == (whole.exchange.status != 0));
  }
}

TEST_CASE("as much of a body is kept as the caller asks for, whatever its framing") {
  const std::string body(200'000, 'b');
  const std::string length = "HTTP/1.1 200 OK\r\nContent-Length: 200000\r\n\r\n" + body;
  const std::string closed = "HTTP/1.1 200 OK\r\n\r\n" + body;
  std::string chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
  for (int i = 0; i < 20'000; ++i) chunked += "A\r\n" + body.substr(0, 10) + "\r\n";
  chunked += "0\r\n\r\n";
  for (const auto& reply : {length, closed, chunked}) {
    const auto whole = read(reply, 1000, false, true, 200'000);
    CHECK(whole.exchange.body == body);
    CHECK_FALSE(whole.exchange.body_truncated);
    const auto cut = read(reply, 1000, false, true, 150'000);
    CHECK(cut.exchange.body.size() == 150'000);
    CHECK(cut.exchange.body_truncated);
  }
}
