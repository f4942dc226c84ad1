#include "providers/url_variants.h"

#include <algorithm>
#include <array>
#include <vector>

#include "base/bytes.h"

namespace posthorn::providers {
namespace {

constexpr std::size_t variants_max = 250;

struct Parts {
  std::string scheme, host, port, path, query;  ///< Port with ':', query with '?'.

  [[nodiscard]] std::string url() const { return scheme + "://" + host + port + path + query; }
};

/// Host and ":port" of an authority; an IPv6 address keeps its brackets.
void split_authority(std::string_view authority, std::string& host, std::string& port) {
  const auto colon = authority.find(':', authority.starts_with('[') ? authority.find(']') : 0);
  const bool has_port = colon != authority.npos;
  host = authority.substr(0, has_port ? colon : authority.npos);
  port = has_port ? authority.substr(colon) : std::string_view();
}

Parts split(std::string_view url) {
  Parts parts;
  const auto scheme = url.find("://");
  if (scheme != url.npos) {
    parts.scheme = url.substr(0, scheme);
    url.remove_prefix(scheme + 3);
  }
  const auto query = url.find('?');
  if (query != url.npos) parts.query = url.substr(query);
  url = url.substr(0, query);
  const auto slash = url.find('/');
  if (slash != url.npos) parts.path = url.substr(slash);
  split_authority(url.substr(0, slash), parts.host, parts.port);
  return parts;
}

void add(std::vector<std::string>& values, std::string value) {
  if (std::ranges::find(values, value) == values.end()) values.push_back(std::move(value));
}

std::string_view first_of_list(std::string_view value) {
  return trim(value.substr(0, value.find(',')));
}

void add_hosts(const Incoming& request, std::vector<std::string>& hosts,
               std::vector<std::string>& ports) {
  for (const auto name : {"Host", "X-Forwarded-Host", "X-Original-Host", "X-Forwarded-Server"}) {
    const auto authority = first_of_list(request.header(name).value_or(""));
    if (authority.empty()) continue;
    std::string host, port;
    split_authority(authority, host, port);
    add(hosts, std::move(host));
    add(ports, std::move(port));
  }
  const auto port = first_of_list(request.header("X-Forwarded-Port").value_or(""));
  if (!port.empty() && port.size() <= 5) add(ports, ":" + std::string(port));
}

void add_paths(const Incoming& request, std::vector<std::string>& paths) {
  const std::string own = paths.front();
  if (own.ends_with('/'))
    add(paths, own.substr(0, own.size() - 1));
  else
    add(paths, own + "/");
  for (const auto name : {"X-Original-URI", "X-Forwarded-Uri", "X-Original-URL", "X-Rewrite-URL"}) {
    auto path = request.header(name).value_or("");
    path = path.substr(0, path.find('?'));
    if (path.starts_with('/')) add(paths, std::string(path));
  }
  const auto prefix = request.header("X-Forwarded-Prefix").value_or("");
  if (prefix.starts_with('/')) add(paths, std::string(prefix) + own);
}

std::string in_words(const Parts& from, const Parts& to) {
  std::vector<std::string_view> changed;
  if (from.scheme != to.scheme) changed.push_back("the scheme");
  if (from.host != to.host) changed.push_back("the host");
  if (from.port != to.port) changed.push_back("the port");
  if (from.path != to.path) changed.push_back("the path");
  if (from.query != to.query) changed.push_back("the query");
  std::string words;
  for (std::size_t i = 0; i < changed.size(); ++i)
    words.append(i == 0 ? "" : i + 1 == changed.size() ? " and " : ", ").append(changed[i]);
  return words;
}

int changes(const Parts& from, const Parts& to) {
  return (from.scheme != to.scheme) + (from.host != to.host) + (from.port != to.port) +
         (from.path != to.path) + (from.query != to.query);
}

}  // namespace

void visit_url_variants(const Incoming& request,
                        const std::function<bool(const UrlVariant&)>& visit) {
  const Parts own = split(request.url);
  std::vector<std::string> schemes{own.scheme}, hosts{own.host}, ports{own.port}, paths{own.path},
      queries{own.query};
  for (const auto scheme : {"https", "http"}) add(schemes, scheme);
  for (const auto port : {"", ":443", ":80"}) add(ports, port);
  add_hosts(request, hosts, ports);
  add_paths(request, paths);
  add(queries, "");
  std::vector<Parts> all;
  for (const auto& scheme : schemes)
    for (const auto& host : hosts)
      for (const auto& port : ports)
        for (const auto& path : paths)
          for (const auto& query : queries) all.push_back({scheme, host, port, path, query});
  std::size_t visited = 0;
  for (int count = 1; count <= 5; ++count)
    for (const auto& parts : all)
      if (changes(own, parts) == count)
        if (++visited > variants_max || visit({parts.url(), in_words(own, parts)})) return;
}

}  // namespace posthorn::providers
