#include "app/config.h"

#include <doctest/doctest.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>

using namespace posthorn;
using app::load_config;

namespace {

/// A configuration file that is gone when the test ends.
class File {
 public:
  explicit File(std::string_view text) {
    const int descriptor = mkstemp(path_.data());
    REQUIRE(descriptor >= 0);
    REQUIRE(::write(descriptor, text.data(), text.size()) == static_cast<ssize_t>(text.size()));
    ::close(descriptor);
  }
  ~File() { std::remove(path_.c_str()); }
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  std::string path_ = std::filesystem::temp_directory_path() / "posthorn-config-XXXXXX";
};

}  // namespace

TEST_CASE("config: the environment wins over the file, and the file over the defaults") {
  const File file("listen = \"0.0.0.0:9000\"\n[delivery]\nin_flight = 7\ndrain = \"2m\"\n");
  const auto config = load_config(file.path(), {{"POSTHORN_DELIVERY__IN_FLIGHT", "9"}});
  REQUIRE(config.has_value());
  CHECK(config->listen == "0.0.0.0:9000");
  CHECK(config->delivery_in_flight == 9);
  CHECK(config->drain_limit == 2min);
  CHECK(config->data == "./data");
}

TEST_CASE(
    "config: every fault is told at once, with its place, what is allowed and what was given") {
  const File file(
      "[delivery]\nin_flight = 5000\n[egress]\nalow = [\"10.0.0.0/8\"]\n[log]\nlevel = \"loud\"\n");
  const auto config =
      load_config(file.path(), {{"POSTHORN_LISTEN", "nowhere"}, {"POSTHORN_NO_SUCH", "1"}});
  REQUIRE_FALSE(config.has_value());
  const auto& what = config.error().what;
  CHECK(what.find("delivery.in_flight") != std::string::npos);
  CHECK(what.find("1 to 4096") != std::string::npos);
  CHECK(what.find("5000") != std::string::npos);
  CHECK(what.find("did you mean \"egress.allow\"") != std::string::npos);
  CHECK(what.find("\"loud\"") != std::string::npos);
  CHECK(what.find("POSTHORN_LISTEN") != std::string::npos);
  CHECK(what.find("POSTHORN_NO_SUCH") != std::string::npos);
}

TEST_CASE("config: lists are arrays in the file and commas in the environment") {
  const File file("[notices]\nmail_to = [\"a@example.com\", \"b@example.com\"]\n");
  const auto config =
      load_config(file.path(), {{"POSTHORN_EGRESS__ALLOW", "10.0.0.0/8, 192.168.0.0/16"}});
  REQUIRE(config.has_value());
  CHECK(config->admin_mails == std::vector<std::string>{"a@example.com", "b@example.com"});
  CHECK(config->egress.allow.size() == 2);
}

TEST_CASE("config: a file that cannot be read is an error that names it") {
  for (const char* path : {"/tmp", "/no/such/posthorn.toml"}) {
    const auto config = load_config(path, {});
    REQUIRE_FALSE(config.has_value());
    CHECK(config.error().code == Errc::invalid);
    CHECK(config.error().what.find(path) != std::string::npos);
  }
}

TEST_CASE("config: URLs, mail addresses and files are checked with the rest") {
  const auto refused = [](const std::string& name, const std::string& value) {
    const auto config = load_config({}, {{name, value}});
    return !config && config.error().what.find(name) != std::string::npos &&
           config.error().what.find("\"" + value + "\"") != std::string::npos;
  };
  for (const char* url : {"foo", "https://x/", "https://x?a=1", "ftp://x"})
    CHECK_MESSAGE(refused("POSTHORN_PUBLIC_URL", url), url);
  for (const char* url : {"", "https://hooks.example.com", "http://localhost:8420",
                          "http://[::1]:8420", "https://example.com/hooks"})
    CHECK_MESSAGE(load_config({}, {{"POSTHORN_PUBLIC_URL", url}}).has_value(), url);
  CHECK(refused("POSTHORN_SMTP__FROM", "x"));
  CHECK(refused("POSTHORN_SMTP__FROM", "Ada <ada@example.com>"));
  CHECK(refused("POSTHORN_NOTICES__MAIL_TO", "ada@"));
  CHECK(refused("POSTHORN_SMTP__URL", "smtp://localhost:0"));
  for (const char* name :
       {"POSTHORN_EGRESS__CA_FILE", "POSTHORN_TLS__CERTIFICATE", "POSTHORN_TLS__KEY"}) {
    CHECK_MESSAGE(refused(name, "/nope.pem"), name);
    CHECK_MESSAGE(refused(name, "/tmp"), name);
  }
  const File ca("");
  CHECK(load_config({}, {{"POSTHORN_EGRESS__CA_FILE", ca.path()}}).has_value());
}

TEST_CASE("config: a mail password needs TLS") {
  std::map<std::string, std::string> environment{{"POSTHORN_SMTP__URL", "smtp://localhost:25"},
                                                 {"POSTHORN_SMTP__FROM", "a@b.c"},
                                                 {"POSTHORN_SMTP__USER", "ada"}};
  CHECK(load_config({}, environment).has_value());
  environment["POSTHORN_SMTP__REQUIRE_TLS"] = "false";
  CHECK_FALSE(load_config({}, environment).has_value());
  environment["POSTHORN_SMTP__URL"] = "smtps://localhost:465";
  CHECK(load_config({}, environment).has_value());
}

TEST_CASE("config: a number with a fraction is told what is taken") {
  const File file("[delivery]\nin_flight = 1.5\n");
  const auto config = load_config(file.path(), {});
  REQUIRE_FALSE(config.has_value());
  CHECK(config.error().what.find("delivery.in_flight: takes a whole number") != std::string::npos);
  CHECK(config.error().what.find("\"1.5\"") != std::string::npos);
  const File date("[delivery]\nin_flight = 2026-11-21\n");
  CHECK_FALSE(load_config(date.path(), {}).has_value());
}

TEST_CASE("config: variables of the other commands do not keep the server from starting") {
  CHECK(load_config({}, {{"POSTHORN_SECRET", "whsec_x"}, {"POSTHORN_KEY", "phk_x"}}).has_value());
}

TEST_CASE("config: a secret is never in an error") {
  const auto config = load_config({}, {{"POSTHORN_ADMIN_KEY", "tooshort"}});
  REQUIRE_FALSE(config.has_value());
  CHECK(config.error().what.find("tooshort") == std::string::npos);
}

TEST_CASE("config: TLS needs all three of its settings, mail needs a sender") {
  CHECK_FALSE(load_config({}, {{"POSTHORN_TLS__CERTIFICATE", "/x.pem"}}).has_value());
  CHECK_FALSE(load_config({}, {{"POSTHORN_SMTP__URL", "smtp://localhost:25"}}).has_value());
  CHECK_FALSE(load_config({}, {{"POSTHORN_SMTP__URL", "http://localhost"},
                               {"POSTHORN_SMTP__FROM", "a@b.c"}})
                  .has_value());
  CHECK(load_config(
            {}, {{"POSTHORN_SMTP__URL", "smtp://localhost:25"}, {"POSTHORN_SMTP__FROM", "a@b.c"}})
            .has_value());
}

TEST_CASE("config: the documentation names every setting") {
  std::ifstream file(POSTHORN_SOURCE_DIR "/docs/operations.md");
  const std::string text((std::istreambuf_iterator<char>(file)), {});
  for (const auto& setting : app::settings()) {
    if (setting.key == "data" || setting.key.starts_with("retention."))
      continue;  // told in words and in a table of their own
    CHECK_MESSAGE(text.find("`" + std::string(setting.key) + "`") != std::string::npos,
                  setting.key);
  }
}

TEST_CASE("config: each setting stands in the table once") {
  std::set<std::string_view> seen;
  for (const auto& setting : app::settings())
    CHECK_MESSAGE(seen.insert(setting.key).second, setting.key);
}

TEST_CASE("config: what opens the guard is warned about") {
  app::Config config;
  config.smtp_url = "smtp://x:25";
  config.admin_mails = {"a@b.c"};
  CHECK(app::warnings(config).empty());
  config.dev = true;
  config.egress.allow_ports = {25};
  CHECK(app::warnings(config).size() == 2);
}
