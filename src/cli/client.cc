#include "cli/client.h"

#include <curl/curl.h>
#include <fmt/format.h>

#include <algorithm>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <charconv>
#include <condition_variable>
#include <memory>
#include <mutex>

#include "base/bytes.h"

namespace posthorn::cli {

namespace {

struct Answer {
  long status = 0;
  std::string body;
  int retry_after_seconds = 0;
};

std::size_t take_body(char* bytes, std::size_t one, std::size_t count, void* into) {
  static_cast<std::string*>(into)->append(bytes, one * count);
  return one * count;
}

std::size_t take_header(char* bytes, std::size_t one, std::size_t count, void* into) {
  const std::string_view line(bytes, one * count);
  constexpr std::string_view name = "retry-after:";
  if (line.size() > name.size() && equal_ignoring_case_ascii(line.substr(0, name.size()), name)) {
    const auto value = trim(line.substr(name.size(), line.find('\r') - name.size()));
    std::from_chars(value.data(), value.data() + value.size(), *static_cast<int*>(into));
  }
  return one * count;
}

ExitCode exit_code_of(long status) {
  switch (status) {
    case 400:
    case 413:
    case 415:
    case 422:
      return usage;
    case 401:
    case 403:
      return not_authorised;
    case 404:
      return not_found;
    case 409:
    case 412:
      return conflict;
    case 429:
      return rate_limited;
    default:
      return failed;
  }
}

/// "detail", then a line "  /url: what is wrong" for each fault.
CallFailed failure(const Answer& answer) {
  CallFailed made{exit_code_of(answer.status), fmt::format("the server answered {}", answer.status),
                  nullptr};
  boost::system::error_code error;
  made.problem = json::parse(answer.body, error);
  const auto* problem = error ? nullptr : made.problem.if_object();
  if (problem == nullptr) {
    made.problem = nullptr;
    return made;
  }
  if (const auto* detail = problem->if_contains("detail"); detail != nullptr && detail->is_string())
    made.message = printable(std::string_view(detail->get_string()));
  if (const auto* errors = problem->if_contains("errors");
      errors != nullptr && errors->is_array()) {
    for (const auto& item : errors->get_array()) {
      const auto* fault = item.if_object();
      if (fault == nullptr) continue;
      const auto part = [fault](std::string_view name) {
        const auto* value = fault->if_contains(name);
        return value != nullptr && value->is_string()
                   ? printable(std::string_view(value->get_string()))
                   : std::string();
      };
      made.message += fmt::format("\n  {}: {}", part("pointer"), part("detail"));
    }
  }
  return made;
}

/// Waits without spinning; the command line has nothing else to do meanwhile.
void wait_seconds(int seconds) {
  std::mutex mutex;
  std::condition_variable never;
  std::unique_lock lock(mutex);
  never.wait_for(lock, std::chrono::seconds(seconds), [] { return false; });
}

}  // namespace

Client::Client(ClientOptions options) : options_(std::move(options)) {
  while (options_.url.ends_with('/')) options_.url.pop_back();
}

json::value Client::call(std::string_view method, std::string_view target,
                         const std::optional<std::string>& body, std::string_view idempotency_key) {
  Answer answer;
  for (int tries = 0;; ++tries) {
    answer = Answer{};
    const std::unique_ptr<CURL, decltype(&curl_easy_cleanup)> curl(curl_easy_init(),
                                                                   &curl_easy_cleanup);
    const std::string url = options_.url + std::string(target);
    const std::string verb(method);
    curl_slist* lines = nullptr;
    const auto add = [&lines](const std::string& line) {
      lines = curl_slist_append(lines, line.c_str());
    };
    add("Content-Type: application/json");
    add("Accept: application/json");
    add("Expect:");
    if (!options_.key.empty()) add(fmt::format("Authorization: Bearer {}", options_.key.reveal()));
    if (!options_.workspace.empty()) add("X-Posthorn-Workspace: " + options_.workspace);
    if (!idempotency_key.empty()) add(fmt::format("Idempotency-Key: {}", idempotency_key));
    curl_easy_setopt(curl.get(), CURLOPT_URL, url.c_str());
    curl_easy_setopt(curl.get(), CURLOPT_CUSTOMREQUEST, verb.c_str());
    curl_easy_setopt(curl.get(), CURLOPT_HTTPHEADER, lines);
    curl_easy_setopt(curl.get(), CURLOPT_WRITEFUNCTION, &take_body);
    curl_easy_setopt(curl.get(), CURLOPT_WRITEDATA, &answer.body);
    curl_easy_setopt(curl.get(), CURLOPT_HEADERFUNCTION, &take_header);
    curl_easy_setopt(curl.get(), CURLOPT_HEADERDATA, &answer.retry_after_seconds);
    curl_easy_setopt(curl.get(), CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl.get(), CURLOPT_CONNECTTIMEOUT, 10L);
    curl_easy_setopt(curl.get(), CURLOPT_TIMEOUT, 120L);
    curl_easy_setopt(curl.get(), CURLOPT_PROTOCOLS_STR, "http,https");
    if (body) {
      curl_easy_setopt(curl.get(), CURLOPT_POSTFIELDS, body->data());
      curl_easy_setopt(curl.get(), CURLOPT_POSTFIELDSIZE, static_cast<long>(body->size()));
    }
    const auto code = curl_easy_perform(curl.get());
    curl_slist_free_all(lines);
    if (code != CURLE_OK)
      throw CallFailed{
          unreachable,
          fmt::format(
              "no answer from {}: {}. Is `posthorn serve` running there? (--url, POSTHORN_URL)",
              options_.url, curl_easy_strerror(code)),
          nullptr};
    curl_easy_getinfo(curl.get(), CURLINFO_RESPONSE_CODE, &answer.status);
    if (answer.status != 429 || tries == 3) break;
    wait_seconds(std::clamp(answer.retry_after_seconds, 1, 30));
  }
  if (answer.status == 401 && options_.key.empty())
    throw CallFailed{not_authorised, "no API key: set POSTHORN_KEY or give --key-file FILE",
                     nullptr};
  if (answer.status / 100 != 2) throw failure(answer);
  if (answer.body.empty()) return nullptr;
  boost::system::error_code error;
  auto parsed = json::parse(answer.body, error);
  if (error) throw CallFailed{failed, "the server's answer is not JSON", nullptr};
  return parsed;
}

std::string Client::text(std::string_view target) { return json::serialize(call("GET", target)); }

std::string encode(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    const bool plain = (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
                       (byte >= '0' && byte <= '9') || byte == '-' || byte == '.' || byte == '_' ||
                       byte == '~';
    if (plain)
      out += c;
    else
      out += fmt::format("%{:02X}", byte);
  }
  return out;
}

void add_query(std::string& target, std::string_view name, std::string_view value) {
  if (value.empty()) return;
  target += target.find('?') == std::string::npos ? '?' : '&';
  target += name;
  target += '=';
  target += encode(value);
}

}  // namespace posthorn::cli
