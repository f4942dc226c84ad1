#include "text/xml.h"

#include <doctest/doctest.h>

#include <string>

namespace posthorn::text {
namespace {

std::string repeated(std::string_view part, std::size_t times) {
  std::string out;
  for (std::size_t i = 0; i < times; ++i) out += part;
  return out;
}

std::string found(std::string_view document, std::string_view path) {
  const auto root = parse_xml(document);
  REQUIRE_MESSAGE(root.has_value(), root.error().what);
  return at_xml_path(*root, path).value_or("(nothing)");
}

std::string refusal(std::string_view document) {
  const auto root = parse_xml(document);
  return root ? "(none)" : root.error().what;
}

constexpr std::string_view order =
    "<?xml version=\"1.0\"?><o:order xmlns:o=\"urn:x\" id=\"77\"><!-- c --><o:status> paid\n"
    "</o:status><lines><line sku=\"a\"/><line sku=\"b\">2 &lt; 3 &#x20ac;<![CDATA[ & <x>]]></line>"
    "</lines><empty/></o:order>";

TEST_CASE("a path leads to an element's text, an attribute, or the n-th of a name") {
  CHECK(found(order, "/order/@id") == "77");
  CHECK(found(order, "/o:order/status") == "paid");
  CHECK(found(order, "/order/lines/line[2]/@sku") == "b");
  CHECK(found(order, "/order/lines/line/@sku") == "a");
  CHECK(found(order, "/order/lines/line[2]") == "2 < 3 \xe2\x82\xac & <x>");
  CHECK(found(order, "/order/empty") == "");
}

TEST_CASE("a path that leads nowhere gives nothing") {
  for (const auto path :
       {"/other", "/order/x", "/order/@none", "/order/lines/line[3]/@sku", "/x:order/@id",
        "/order[2]", "", "order", "/order//status", "/@id", "/order/@id/x", "/order/line[0]",
        "/order/line[-1]", "/order/line[x]", "/order/line]", "/order/line[1", "/order/line[1]x"}) {
    CAPTURE(path);
    CHECK(found(order, path) == "(nothing)");
  }
}

TEST_CASE("malformed paths are told from paths that only find nothing") {
  CHECK(is_xml_path("/order/@id"));
  CHECK(is_xml_path("/a/b[2]/c"));
  CHECK_FALSE(is_xml_path("/order/"));
  CHECK_FALSE(is_xml_path("/order/line[]"));
  CHECK_FALSE(is_xml_path("//order"));
  CHECK_FALSE(is_xml_path(repeated("/a", 33)));
  CHECK(is_xml_path(repeated("/a", 32)));
}

TEST_CASE("a document with a DTD is refused, so that no entity is ever expanded or fetched") {
  constexpr std::string_view laughs =
      "<?xml version=\"1.0\"?><!DOCTYPE l [<!ENTITY a \"ha\"><!ENTITY b \"&a;&a;&a;\">]><l>&b;</l>";
  CHECK(refusal(laughs).find("DTD") != std::string::npos);
  CHECK(refusal("<!DOCTYPE l SYSTEM \"file:///etc/passwd\"><l/>").find("DTD") != std::string::npos);
  CHECK(refusal("<?xml version=\"1.0\"?><!DOCTYPE l [<!ENTITY x SYSTEM \"http://192.0.2.1/\">]>"
                "<l>&x;</l>")
            .find("DTD") != std::string::npos);
}

TEST_CASE("an entity that nobody declared stays as it is written") {
  CHECK(found("<a>&nope;</a>", "/a") == "&nope;");
}

TEST_CASE("what is no document is refused with its place") {
  for (const auto text : {"", "x", "<a>", "<a></b>", "<a", "<a b></a>", "<a b='1></a>", "{\"a\":1}",
                          "<a/><b/>", "<?xml version=\"1.0\"?>"}) {
    CAPTURE(text);
    CHECK(refusal(text) != "(none)");
  }
  CHECK(refusal("<a></b>").starts_with("at byte "));
}

TEST_CASE("depth, tags and bytes are bounded") {
  CHECK(refusal(repeated("<a>", 64) + repeated("</a>", 64)) == "(none)");
  CHECK(refusal(repeated("<a>", 65) + repeated("</a>", 65)).find("nested") != std::string::npos);
  CHECK(refusal(repeated("<a>", 90'000) + repeated("</a>", 90'000)).find("nested") !=
        std::string::npos);
  CHECK(refusal("<a>" + repeated("<b/>", 200'000) + "</a>").find("tags") != std::string::npos);
  CHECK(refusal("<a>" + std::string(xml_bytes_max, 'x') + "</a>").find("longer") !=
        std::string::npos);
}

TEST_CASE("text is Unicode or refused") {
  CHECK(refusal("<a>\xff\xfe</a>").find("Unicode") != std::string::npos);
  CHECK(refusal("<a>&#xD800;</a>").find("Unicode") != std::string::npos);
  CHECK(refusal("<a b='\xc3'/>").find("Unicode") != std::string::npos);
  CHECK(found("<?xml version=\"1.0\" encoding=\"ISO-8859-1\"?><a>\xfc</a>", "/a") == "\xc3\xbc");
  CHECK(found(std::string_view("\xff\xfe<\0a\0>\0u\0<\0/\0a\0>\0", 18), "/a") == "u");
}

}  // namespace
}  // namespace posthorn::text
