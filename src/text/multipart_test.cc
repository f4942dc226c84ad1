#include "text/multipart.h"

#include <doctest/doctest.h>

#include <initializer_list>

namespace posthorn::text {
namespace {

constexpr std::string_view form = "multipart/form-data; boundary=XX";

std::string one_part(std::string_view headers, std::string_view value = "v") {
  return "--XX\r\n" + std::string(headers) + "\r\n\r\n" + std::string(value) + "\r\n--XX--\r\n";
}

std::string disposition(std::string_view parameters) {
  return one_part("Content-Disposition: form-data; " + std::string(parameters));
}

TEST_CASE("parts come in their order with raw bytes") {
  const std::string body =
      "preamble\r\n--XX\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n1\r\n--XX \t\r\n"
      "content-disposition: FORM-DATA; name=b; filename=\"p.png\"\r\nContent-Type: "
      "image/png\r\n\r\n" +
      std::string("\x89PNG\0\r\n\r\n--XY\r\n", 15) +
      "\r\n--XX\r\nContent-Disposition: form-data; name=\"empty\"\r\n\r\n\r\n--XX--epilogue";
  const auto parts = read_multipart(form, body);
  REQUIRE(parts.has_value());
  REQUIRE(parts->size() == 3);
  CHECK((*parts)[0].name == "a");
  CHECK((*parts)[0].bytes == "1");
  CHECK_FALSE((*parts)[0].filename);
  CHECK((*parts)[1].filename == "p.png");
  CHECK((*parts)[1].content_type == "image/png");
  CHECK((*parts)[1].bytes == std::string_view("\x89PNG\0\r\n\r\n--XY\r\n", 15));
  CHECK((*parts)[2].bytes.empty());
}

TEST_CASE("a line that only begins like the boundary is data") {
  const std::string body =
      one_part("Content-Disposition: form-data; name=\"a\"", "x\r\n--XXY\r\ny");
  const auto parts = read_multipart(form, body);
  REQUIRE(parts.has_value());
  CHECK((*parts)[0].bytes == "x\r\n--XXY\r\ny");
}

TEST_CASE("a body may end without a line end and hold no part") {
  CHECK(read_multipart(form, "--XX--").value().empty());
  const std::string body = "--XX\r\nContent-Disposition: form-data; name=a\r\n\r\n--XX--";
  CHECK(read_multipart(form, body)->at(0).bytes.empty());
}

TEST_CASE("names and file names are read as browsers and RFC 5987 write them") {
  struct Row {
    std::string_view parameters, name;
    std::optional<std::string> filename;
  };
  for (const Row& row : {
           Row{R"(name="a")", "a", std::nullopt},
           Row{R"(name="a%22b%0D%0Ac"; filename="x%20y")", "a\"b\r\nc", "x%20y"},
           Row{R"(name="a\"b"; filename="q\\w")", "a\"b", R"(q\w)"},
           Row{R"(name="a"; filename="C:\new\x.txt")", "a", R"(C:\new\x.txt)"},
           Row{"name=\"naïve\"; filename=\"日本.txt\"", "naïve", "日本.txt"},
           Row{"name=a; filename=\"caf\xe9.txt\"", "a", "café.txt"},
           Row{"filename*=UTF-8''na%C3%AFve%20x.txt; name=a; filename=plain", "a", "naïve x.txt"},
           Row{"name=a; filename*=iso-8859-1'en'caf%E9", "a", "café"},
           Row{"name=a; filename=plain; filename*=utf-8''%FF", "a", "plain"},
           Row{"name=a; filename=plain; filename*=nonsense", "a", "plain"},
           Row{R"(name=""; filename="")", "", ""},
           Row{R"(name=a; filename="../../../../etc/cron.d/x")", "a", "../../../../etc/cron.d/x"},
           Row{R"(name=a; filename=";name=b;")", "a", ";name=b;"},
       }) {
    CAPTURE(row.parameters);
    const std::string body = disposition(row.parameters);
    const auto parts = read_multipart(form, body);
    REQUIRE(parts.has_value());
    CHECK((*parts)[0].name == row.name);
    CHECK((*parts)[0].filename == row.filename);
  }
}

TEST_CASE("malformed parts are refused with what is wrong") {
  for (const auto& body : {
           disposition("filename=a"),
           disposition("name=\"a"),
           disposition("name=a; name=b"),
           disposition("name"),
           disposition("name=a; =b"),
           disposition("name=a b"),
           one_part("Content-Disposition: attachment; name=a"),
           one_part("X-Other: 1"),
           one_part("no colon"),
           one_part(""),
           one_part("Content-Disposition: form-data; name=a\r\nContent-Disposition: form-data; "
                    "name=b"),
           one_part("Content-Disposition: form-data; name=a\nX: 1"),
           one_part("Content-Disposition: form-data; name=a\r\nContent-Transfer-Encoding: base64"),
           std::string("--XX\r\nContent-Disposition: form-data; name=\"text\"\r\n\r\nhello\r\n"),
           std::string("--XX\r\nContent-Disposition: form-data; name=\"te"),
           std::string("--XX\nContent-Disposition: form-data; name=a\n\nv\n--XX--\n"),
           std::string("--XXz\r\n"),
           std::string("--XX"),
           std::string(),
       }) {
    CAPTURE(body);
    const auto parts = read_multipart(form, body);
    REQUIRE_FALSE(parts.has_value());
    CHECK(parts.error().code == Errc::invalid);
  }
}

TEST_CASE("a boundary is one to seventy of its characters, quoted or not") {
  const std::string long_boundary(71, 'y');
  for (const std::string& wrong :
       {std::string("multipart/form-data"), std::string("multipart/form-data; boundary=\"\""),
        "multipart/form-data; boundary=" + long_boundary,
        std::string("multipart/form-data; boundary=\"a \""),
        std::string("multipart/form-data; boundary=\"a;b\""),
        std::string("multipart/form-data; boundary=a; boundary=b"),
        std::string("multipart/mixed; boundary=XX"), std::string()}) {
    CAPTURE(wrong);
    CHECK_FALSE(read_multipart(wrong, "--XX--").has_value());
  }
  CHECK(read_multipart("Multipart/Form-Data; charset=utf-8; boundary=\"a b\"", "--a b--"));
}

TEST_CASE("a thousand parts are read, one more is not; headers are bounded") {
  const std::string part = "--XX\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n\r\n";
  std::string body;
  for (std::size_t i = 0; i < multipart_parts_max; ++i) body += part;
  CHECK(read_multipart(form, body + "--XX--")->size() == multipart_parts_max);
  CHECK(read_multipart(form, body + part + "--XX--").error().code == Errc::limit);
  const std::string name = "Content-Disposition: form-data; name=a";
  const std::string fill(part_header_bytes_max - name.size() - 5, 'x');
  CHECK(read_multipart(form, one_part(name + "\r\nX: " + fill)).has_value());
  CHECK(read_multipart(form, one_part(name + "\r\nX: " + fill + "y")).error().code == Errc::limit);
  std::string headers = name;
  for (std::size_t i = 1; i < part_headers_max; ++i) headers += "\r\nX: 1";
  CHECK(read_multipart(form, one_part(headers)).has_value());
  CHECK(read_multipart(form, one_part(headers + "\r\nX: 1")).error().code == Errc::limit);
}

TEST_CASE("floods of almost-boundaries and nested multiparts end with an answer") {
  std::string flood = "--XX\r\nContent-Disposition: form-data; name=a\r\n\r\n";
  for (int i = 0; i < 100'000; ++i) flood += "\r\n--X";
  CHECK(read_multipart(form, flood).error().code == Errc::invalid);
  CHECK(read_multipart(form, std::string(1U << 20, '-')).error().code == Errc::invalid);
  std::string nested;
  for (int i = 0; i < 2000; ++i)
    nested += "--XX\r\nContent-Type: multipart/mixed; boundary=XX\r\n\r\n";
  CHECK(read_multipart(form, nested).error().code == Errc::invalid);
}

}  // namespace
}  // namespace posthorn::text
