#pragma once
// The URLs that a sender may have called where a proxy made another one of it. Not for use outside
// providers/.

#include <functional>
#include <string>

#include "providers/provider.h"

namespace posthorn::providers {

struct UrlVariant {
  std::string url;
  std::string changed;  ///< "the scheme", "the host and the port".
};

/// Calls `visit` with each variant that differs from the request's URL, until it gives true; those
/// with fewer changes first. Scheme http and https; the hosts of Host, X-Forwarded-Host and the
/// like; no port, the usual ones and X-Forwarded-Port; the path with and without a slash behind it,
/// or of X-Original-URI and the like; with and without the query. At most 250.
void visit_url_variants(const Incoming& request,
                        const std::function<bool(const UrlVariant&)>& visit);

}  // namespace posthorn::providers
