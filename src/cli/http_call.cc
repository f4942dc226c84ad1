#include "cli/http_call.h"

#include <curl/curl.h>
#include <fmt/format.h>

#include <charconv>
#include <condition_variable>
#include <memory>
#include <mutex>

#include "base/bytes.h"
#include "cli/client.h"

namespace posthorn::cli {

namespace {

struct Exchange {
  HttpAnswer answer;
  CURL* curl = nullptr;
  const std::function<bool(std::string_view)>* take = nullptr;
  bool told_to_stop = false;
};

std::size_t take_body(char* bytes, std::size_t one, std::size_t count, void* into) {
  auto& exchange = *static_cast<Exchange*>(into);
  const std::string_view part(bytes, one * count);
  curl_easy_getinfo(exchange.curl, CURLINFO_RESPONSE_CODE, &exchange.answer.status);
  if (exchange.take == nullptr || exchange.answer.status / 100 != 2) {
    exchange.answer.body += part;
    return part.size();
  }
  exchange.told_to_stop = !(*exchange.take)(part);
  return exchange.told_to_stop ? 0 : part.size();
}

std::size_t take_header(char* bytes, std::size_t one, std::size_t count, void* into) {
  auto& answer = static_cast<Exchange*>(into)->answer;
  const std::string_view line(bytes, one * count);
  const auto value_of = [line](std::string_view name) -> std::optional<std::string_view> {
    if (line.size() <= name.size() || !equal_ignoring_case_ascii(line.substr(0, name.size()), name))
      return {};
    return trim(line.substr(name.size(), line.find('\r') - name.size()));
  };
  if (const auto seconds = value_of("retry-after:"))
    std::from_chars(seconds->data(), seconds->data() + seconds->size(), answer.retry_after_seconds);
  if (const auto type = value_of("content-type:")) answer.content_type = *type;
  return line.size();
}

using Lines = std::unique_ptr<curl_slist, decltype(&curl_slist_free_all)>;

Lines header_lines(const HttpCall& call) {
  curl_slist* lines = curl_slist_append(nullptr, "Expect:");
  bool has_type = false;
  for (const auto& [name, value] : call.headers) {
    has_type = has_type || equal_ignoring_case_ascii(name, "content-type");
    // curl's own word for a header without a value is a semicolon.
    lines = curl_slist_append(
        lines, (value.empty() ? name + ";" : fmt::format("{}: {}", name, value)).c_str());
  }
  // Else curl calls a body a form.
  if (!has_type) lines = curl_slist_append(lines, "Content-Type:");
  return {lines, &curl_slist_free_all};
}

HttpAnswer run(const HttpCall& call, const std::function<bool(std::string_view)>* take) {
  const std::unique_ptr<CURL, decltype(&curl_easy_cleanup)> curl(curl_easy_init(),
                                                                 &curl_easy_cleanup);
  Exchange exchange{{}, curl.get(), take, false};
  const auto lines = header_lines(call);
  curl_easy_setopt(curl.get(), CURLOPT_URL, call.url.c_str());
  curl_easy_setopt(curl.get(), CURLOPT_CUSTOMREQUEST, call.method.c_str());
  curl_easy_setopt(curl.get(), CURLOPT_HTTPHEADER, lines.get());
  curl_easy_setopt(curl.get(), CURLOPT_WRITEFUNCTION, &take_body);
  curl_easy_setopt(curl.get(), CURLOPT_WRITEDATA, &exchange);
  curl_easy_setopt(curl.get(), CURLOPT_HEADERFUNCTION, &take_header);
  curl_easy_setopt(curl.get(), CURLOPT_HEADERDATA, &exchange);
  curl_easy_setopt(curl.get(), CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(curl.get(), CURLOPT_CONNECTTIMEOUT, 10L);
  curl_easy_setopt(curl.get(), CURLOPT_TIMEOUT, call.timeout_seconds);
  curl_easy_setopt(curl.get(), CURLOPT_PROTOCOLS_STR, "http,https");
  if (call.timeout_seconds == 0) {
    // A stream says something every 15 s; a silent one is a dead connection.
    curl_easy_setopt(curl.get(), CURLOPT_LOW_SPEED_LIMIT, 1L);
    curl_easy_setopt(curl.get(), CURLOPT_LOW_SPEED_TIME, 60L);
  }
  if (call.body) {
    curl_easy_setopt(curl.get(), CURLOPT_POSTFIELDS, call.body->data());
    curl_easy_setopt(curl.get(), CURLOPT_POSTFIELDSIZE_LARGE,
                     static_cast<curl_off_t>(call.body->size()));
  }
  const auto code = curl_easy_perform(curl.get());
  if (code != CURLE_OK && !exchange.told_to_stop) {
    // Without the path, which may be a secret.
    const auto host = call.url.substr(0, call.url.find('/', call.url.find("//") + 2));
    throw CallFailed{unreachable,
                     fmt::format("no answer from {}: {}", host, curl_easy_strerror(code)), nullptr};
  }
  curl_easy_getinfo(curl.get(), CURLINFO_RESPONSE_CODE, &exchange.answer.status);
  return std::move(exchange.answer);
}

}  // namespace

HttpAnswer perform(const HttpCall& call) { return run(call, nullptr); }

HttpAnswer perform(const HttpCall& call, const std::function<bool(std::string_view)>& take) {
  return run(call, &take);
}

void wait_milliseconds(int milliseconds) {
  std::mutex mutex;
  std::condition_variable never;
  std::unique_lock lock(mutex);
  never.wait_for(lock, std::chrono::milliseconds(milliseconds), [] { return false; });
}

}  // namespace posthorn::cli
