#include "http/request_parser.h"

#include <doctest/doctest.h>

#include <random>
#include <string>
#include <vector>

namespace {

namespace http = posthorn::http;
using http::Progress;

struct Read {
  Progress progress = Progress::incomplete;
  int status = 0;  ///< Of the refusal.
  http::RequestHead head;
  std::size_t head_bytes = 0;
};

/// Scans and parses what has come; views look into `text`.
Read read(std::string_view text) {
  Read out;
  http::HeadScanner scanner;
  out.progress = scanner.scan(text);
  if (out.progress == Progress::refused) out.status = scanner.refusal().status;
  if (out.progress != Progress::complete) return out;
  out.head_bytes = scanner.head_bytes();
  http::Refusal refusal;
  const auto head = text.substr(scanner.begin(), out.head_bytes - scanner.begin());
  if (!http::parse_head(head, out.head, refusal)) {
    out.progress = Progress::refused;
    out.status = refusal.status;
  }
  return out;
}

std::string get(std::string_view target) {
  return "GET " + std::string(target) + " HTTP/1.1\r\nHost: a\r\n\r\n";
}
std::string with(std::string_view headers, std::string_view version = "HTTP/1.1") {
  return "POST /v1/events " + std::string(version) + "\r\nHost: a\r\n" + std::string(headers) +
         "\r\n";
}

TEST_CASE("a request's head is read without a copy") {
  const std::string text =
      "POST /v1/events?limit=2 HTTP/1.1\r\nHost: hooks.example:8420\r\nX-Empty:\r\nContent-Length: "
      "11\r\nX-A:  a b \t\r\nx-a: c\r\n\r\nbody";
  const auto [progress, status, head, head_bytes] = read(text);
  REQUIRE(progress == Progress::complete);
  CHECK(head_bytes == text.size() - 4);
  CHECK(head.method == "POST");
  CHECK(head.target == "/v1/events?limit=2");
  CHECK(head.path == "/v1/events");
  CHECK(head.query == "limit=2");
  CHECK(head.host == "hooks.example:8420");
  CHECK(head.content_length == 11);
  CHECK(head.minor_version == 1);
  CHECK(head.keep_alive);
  CHECK_FALSE(head.chunked);
  CHECK(head.header("x-empty") == "");
  CHECK(head.header("X-A") == "a b");
  CHECK(head.header_count("X-a") == 2);
  CHECK_FALSE(head.header("X-B"));
  CHECK(head.path.data() > text.data());
  CHECK(head.path.data() < text.data() + text.size());
}

TEST_CASE("request lines: what is exactly right is taken, all else refused with its status") {
  struct Case {
    std::string line;
    int status;  ///< 0: taken.
  };
  const std::vector<Case> cases{
      {"GET / HTTP/1.1", 0},
      {"OPTIONS / HTTP/1.1", 0},
      {"GET / HTTP/1.0", 0},
      {"GET /", 400},
      {"GET / HTTP/9.9", 400},
      {"GET / HTTP/2.0", 400},
      {"GET / http/1.1", 400},
      {"GET / HTTPS/1.1", 400},
      {"GET / HTTP/1.10", 400},
      {"GET / HTTP/1.1 ", 400},
      {" GET / HTTP/1.1", 400},
      {"GET  / HTTP/1.1", 400},
      {"GET\t/\tHTTP/1.1", 400},
      {"GET /\vHTTP/1.1", 400},
      {"GET / x HTTP/1.1", 400},
      {"G\x01T / HTTP/1.1", 400},
      {"G(T / HTTP/1.1", 400},
      {"get / HTTP/1.1", 400},
      {"FROBNICATE / HTTP/1.1", 405},
      {"TRACE / HTTP/1.1", 405},
      {"CONNECT / HTTP/1.1", 405},
      {"GET a HTTP/1.1", 400},
      {"GET * HTTP/1.1", 400},
      {"OPTIONS * HTTP/1.1", 400},
      {"GET ftp://a/ HTTP/1.1", 400},
      {"GET http://a/x HTTP/1.1", 0},
      {"GET HTTPS://A HTTP/1.1", 0},
      {"GET http://b/x HTTP/1.1", 421},
      {"GET http://u@a/x HTTP/1.1", 400},
      {"GET http:///x HTTP/1.1", 400},
      {"GET http://a?x HTTP/1.1", 400},
  };
  for (const auto& [line, status] : cases) {
    CAPTURE(line);
    const auto text = line + "\r\nHost: a\r\n\r\n";
    CHECK(read(text).status == status);
  }
}

TEST_CASE("paths: one decode decides, and nothing climbs") {
  for (const std::string_view good :
       {"/", "/a/b", "/a//b", "/a.b/.c/d..", "/...", "/%61", "/%252e%252e", "/caf%C3%A9",
        "/a;b=c,d@e:f!$&'()*+~", "/%F0%9F%98%80"}) {
    CAPTURE(good);
    CHECK(http::is_clean_path(good));
    CHECK(read(get(good)).progress == Progress::complete);
  }
  for (const std::string_view bad :
       {"/.",          "/..",         "/./a",          "/a/..",  "/a/../b",  "/%2e",
        "/a/%2E%2e/b", "/a%2f..%2fb", "/.%2e",         "/%00",   "/a%0d%0a", "/%1f",
        "/%7f",        "/%5c..",      "/%zz",          "/%",     "/%a",      "/%c0%ae",
        "/%ff",        "/%ed%a0%80",  "/%f4%90%80%80", "/%e2%82"}) {
    CAPTURE(bad);
    CHECK_FALSE(http::is_clean_path(bad));
    CHECK(read(get(bad)).status == 400);
  }
  for (const std::string_view bad : {"/a\\b", "/a#b", "/a\"b", "/<a>", "/a|b", "/\x80", "/a?%zz",
                                     "/a?b%2", "/a?{}", "/a?\xff"}) {
    CAPTURE(bad);
    CHECK(read(get(bad)).status == 400);
  }
  CHECK(read(get("/a?b[c]=%00%ff&d=/?")).progress == Progress::complete);
}

TEST_CASE("header lines: strict names, values without control characters, no folding") {
  for (const std::string_view bad : {"X-A : a\r\n", "XA\r\n", ": x\r\n", " X: y\r\n",
                                     "X: a\r\n b\r\n", "X: a\r\n\tb\r\n", "X(A): a\r\n",
                                     "X\x07"
                                     "A: a\r\n",
                                     "X-\xc3\xa9: a\r\n", "X: a\x01\r\n", "X: a\x7f\r\n",
                                     "X: a\rX: b\r\n", "X: a\nX: b\r\n", "X: \v\r\n"}) {
    CAPTURE(bad);
    CHECK(read(with(bad)).status == 400);
  }
  CHECK(read(with(std::string_view("X: a\0b\r\n", 8))).status == 400);
  const auto text = with("X: \t caf\xc3\xa9\ta \t\r\n");
  CHECK(read(text).head.header("x") == "caf\xc3\xa9\ta");
}

TEST_CASE("exactly one Host, and it is a host") {
  const auto status_of = [](std::string_view headers, std::string_view version) {
    return read("GET / " + std::string(version) + "\r\n" + std::string(headers) + "\r\n").status;
  };
  for (const std::string_view good :
       {"a", "A.b-c_d", "a:1", "a:", "127.0.0.1:65535", "[::1]", "[::1]:80"}) {
    CAPTURE(good);
    CHECK(status_of("Host: " + std::string(good) + "\r\n", "HTTP/1.1") == 0);
  }
  for (const std::string_view bad : {"", "a b", "a/b", "a,b", "a@b", ":80", "a:x", "a:123456",
                                     "a:1:2", "[::1", "::1", "[a]", "[::1]x", "[]", "a%41"}) {
    CAPTURE(bad);
    CHECK(status_of("Host: " + std::string(bad) + "\r\n", "HTTP/1.1") == 400);
  }
  CHECK(status_of("", "HTTP/1.1") == 400);
  CHECK(status_of("", "HTTP/1.0") == 0);
  CHECK(status_of("Host: a\r\nHost: a\r\n", "HTTP/1.1") == 400);
  CHECK(status_of("Host: a\r\nhOST: b\r\n", "HTTP/1.0") == 400);
  CHECK(status_of("Host: " + std::string(http::host_bytes_max, 'a') + "\r\n", "HTTP/1.1") == 0);
  CHECK(status_of("Host: " + std::string(http::host_bytes_max + 1, 'a') + "\r\n", "HTTP/1.1") ==
        400);
}

TEST_CASE("framing has one spelling, stands once, and never twofold") {
  for (const std::string_view bad : {"Content-Length: 1\r\nContent-Length: 1\r\n",
                                     "Content-Length: 1, 1\r\n",
                                     "Content-Length: +1\r\n",
                                     "Content-Length: -1\r\n",
                                     "Content-Length: 0x1\r\n",
                                     "Content-Length: 1.0\r\n",
                                     "Content-Length: 1 1\r\n",
                                     "Content-Length:\r\n",
                                     "Content-Length: 01\r\n",
                                     "Content-Length: 99999999999999999999\r\n",
                                     "Content-Length: \xd9\xa1\r\n",
                                     "Transfer-Encoding: xchunked\r\n",
                                     "Transfer-Encoding: identity\r\n",
                                     "Transfer-Encoding: chunked, identity\r\n",
                                     "Transfer-Encoding: gzip, chunked\r\n",
                                     "Transfer-Encoding: \"chunked\"\r\n",
                                     "Transfer-Encoding:\r\n",
                                     "Transfer-Encoding: chunked,\r\n",
                                     "Transfer-Encoding: chunked\r\nTransfer-encoding: chunked\r\n",
                                     "Transfer-Encoding: chunked\r\nContent-Length: 1\r\n",
                                     "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n"}) {
    CAPTURE(bad);
    CHECK(read(with(bad)).status == 400);
  }
  CHECK(read(with("Transfer-Encoding: chunked\r\n", "HTTP/1.0")).status == 400);
  CHECK(read(with("Transfer-Encoding: Chunked\r\n")).head.chunked);
  CHECK(read(with("Content-Length: 9223372036854775807\r\n")).head.content_length ==
        9223372036854775807U);
  CHECK(read(with("Content-Length: 0\r\n")).head.content_length == 0);
}

TEST_CASE("Connection and Expect are read as their lists say") {
  CHECK_FALSE(read(with("Connection: close\r\n")).head.keep_alive);
  CHECK_FALSE(read(with("Connection: keep-alive, Close\r\n")).head.keep_alive);
  CHECK_FALSE(read(with("Connection: close\r\nConnection: keep-alive\r\n")).head.keep_alive);
  CHECK(read(with("Connection: upgrade\r\n")).head.keep_alive);
  CHECK_FALSE(read(with("", "HTTP/1.0")).head.keep_alive);
  CHECK(read(with("Connection: Keep-Alive\r\n", "HTTP/1.0")).head.keep_alive);
  CHECK(read(with("Expect: 100-Continue\r\n")).head.expects_continue);
  CHECK_FALSE(read(with("Expect: 100-continue\r\n", "HTTP/1.0")).head.expects_continue);
  CHECK(read(with("Expect: 200-ok\r\n")).status == 417);
}

TEST_CASE("one empty line before a request is skipped, two are not") {
  CHECK(read("\r\n" + get("/")).progress == Progress::complete);
  CHECK(read("\r\n\r\n" + get("/")).status == 400);
  CHECK(read("\n" + get("/")).status == 400);
  CHECK(read("\r\n").progress == Progress::incomplete);
}

TEST_CASE("each limit of a head holds at its value and refuses one past it") {
  const auto target_of = [](std::size_t bytes) { return get("/" + std::string(bytes - 1, 'a')); };
  CHECK(read(target_of(http::target_bytes_max)).progress == Progress::complete);
  CHECK(read(target_of(http::target_bytes_max + 1)).status == 414);

  const auto headers = [](std::size_t count) {
    std::string lines;
    for (std::size_t i = 1; i < count; ++i) lines += "X-A: b\r\n";
    return with(lines);
  };
  CHECK(read(headers(http::header_count_max)).progress == Progress::complete);
  CHECK(read(headers(http::header_count_max + 1)).status == 431);

  const auto block = [](std::size_t bytes) {
    const auto empty = with("X-A: \r\n").size() - 2;
    return with("X-A: " + std::string(bytes - empty, 'a') + "\r\n");
  };
  REQUIRE(block(http::head_bytes_max).size() == http::head_bytes_max + 2);
  CHECK(read(block(http::head_bytes_max)).progress == Progress::complete);
  CHECK(read(block(http::head_bytes_max + 1)).status == 431);

  CHECK(read(std::string(http::method_bytes_max, 'M') + " / HTTP/1.1\r\nHost: a\r\n\r\n").status ==
        405);
  CHECK(read(std::string(http::method_bytes_max + 1, 'M') + " / HTTP/1.1\r\nHost: a\r\n\r\n")
            .status == 400);
}

TEST_CASE("a head that never ends is refused while it comes") {
  CHECK(read(std::string(9000, 'M')).status == 400);
  CHECK(read("GET /" + std::string(9000, 'a')).status == 414);
  std::string endless = "GET / HTTP/1.1\r\n";
  while (endless.size() < 34000) endless += "X-A: " + std::string(900, 'b') + "\r\n";
  CHECK(read(endless).status == 431);
  CHECK(read("\x16\x03\x01").status == 400);
  CHECK(read("GET / HTTP/1.1\n").status == 400);
}

TEST_CASE("for any split of a request the answer is the same as for the whole") {
  const std::vector<std::string> texts{
      "\r\nPOST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\n",
      "GET / HTTP/1.1\r\nX: a\rb\r\n\r\n", "GET /\r\n\r\n",
      "GET / HTTP/1.1\r\nHost: a\r\n b\r\n\r\n"};
  for (const auto& text : texts) {
    const auto whole = read(text);
    for (std::size_t step = 1; step < text.size(); ++step) {
      http::HeadScanner scanner;
      Progress progress = Progress::incomplete;
      for (std::size_t end = step; progress == Progress::incomplete; end += step) {
        progress = scanner.scan(std::string_view(text).substr(0, end));
        REQUIRE(end < 2 * text.size());
      }
      http::RequestHead head;
      http::Refusal refusal = scanner.refusal();
      if (progress == Progress::complete) {
        CHECK(scanner.head_bytes() == text.size());
        refusal.status = 0;
        http::parse_head(std::string_view(text).substr(scanner.begin()), head, refusal);
      }
      CHECK(refusal.status == whole.status);
    }
  }
}

struct Decoded {
  Progress progress = Progress::incomplete;
  int status = 0;
  std::string body;
  std::size_t consumed = 0;
};

Decoded decode(std::string_view text, std::size_t step, std::size_t body_max = 1000) {
  Decoded out;
  http::ChunkedDecoder decoder(body_max);
  std::string pending;
  std::size_t fed = 0;
  while (out.progress == Progress::incomplete && fed < text.size()) {
    const auto piece = text.substr(fed, step);
    fed += piece.size();
    pending += piece;
    std::size_t consumed = 0;
    out.progress = decoder.decode(pending, out.body, consumed);
    pending.erase(0, consumed);
    out.consumed += consumed;
  }
  if (out.progress == Progress::refused) out.status = decoder.refusal().status;
  return out;
}

TEST_CASE("chunked bodies are put together, whatever pieces they come in") {
  const std::string text = "5\r\nhello\r\n06;a=b;c=\"d\"\r\n world\r\n0\r\nX-T: y\r\n\r\nGET";
  for (std::size_t step = 1; step <= text.size(); ++step) {
    const auto [progress, status, body, consumed] = decode(text, step);
    CAPTURE(step);
    CHECK(progress == Progress::complete);
    CHECK(body == "hello world");
    CHECK(consumed == text.size() - 3);
  }
}

TEST_CASE("chunked bodies: what is not exactly right is refused at every split") {
  for (const std::string_view bad : {"zz\r\n{}\r\n0\r\n\r\n",
                                     "-1\r\n{}\r\n",
                                     "+2\r\n{}\r\n",
                                     "FFFFFFFFFFFFFFFFF\r\n",
                                     "10000000000000002\r\n{}\r\n",
                                     "0x2\r\n{}\r\n",
                                     " 2\r\n{}\r\n",
                                     "2 \r\n{}\r\n",
                                     "2\t;a\r\n{}\r\n",
                                     "\r\n{}\r\n",
                                     ";a\r\n{}\r\n",
                                     "2\r\n{}0\r\n\r\n",
                                     "2\n{}\n0\n\n",
                                     "2\r\n{}xxxx\r\n",
                                     "2\r\n{}\n0\r\n\r\n",
                                     "2;a\rb\r\n{}\r\n",
                                     "0\r\nX : y\r\n\r\n",
                                     "0\r\nX\r\n\r\n",
                                     "0\r\n X: y\r\n\r\n",
                                     "0\r\nX: \x01\r\n\r\n",
                                     "0\r\n\n"}) {
    for (std::size_t step = 1; step <= bad.size(); ++step) {
      CAPTURE(bad);
      CAPTURE(step);
      CHECK(decode(bad, step).status == 400);
    }
  }
}

TEST_CASE("each limit of a chunked body holds at its value and refuses one past it") {
  CHECK(decode("a\r\n0123456789\r\n0\r\n\r\n", 7, 10).progress == Progress::complete);
  CHECK(decode("b\r\n0123456789a\r\n0\r\n\r\n", 7, 10).status == 413);
  CHECK(decode("a\r\n0123456789\r\n1\r\na\r\n", 7, 10).status == 413);
  const auto line = [](std::size_t bytes) {
    return "1;" + std::string(bytes - 2, 'x') + "\r\na\r\n0\r\n\r\n";
  };
  CHECK(decode(line(http::chunk_line_bytes_max), 50).progress == Progress::complete);
  CHECK(decode(line(http::chunk_line_bytes_max + 1), 50).status == 400);
  const auto trailer = [](std::size_t bytes) {
    return "0\r\nX: " + std::string(bytes - 3, 'y') + "\r\n\r\n";
  };
  CHECK(decode(trailer(http::trailer_bytes_max), 50).progress == Progress::complete);
  CHECK(decode(trailer(http::trailer_bytes_max + 1), 50).status == 431);
}

TEST_CASE("chunk extensions are bounded over the whole body") {
  std::string text;
  for (int i = 0; i < 100; ++i) text += "1;" + std::string(1000, 'x') + "\r\na\r\n";
  CHECK(decode(text + "0\r\n\r\n", 4096).status == 400);
}

}  // namespace
