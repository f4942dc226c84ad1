#pragma once
#include <string_view>

#include "base/error.h"
#include "env/mail_sender.h"

namespace posthorn::app {

/// Reads the document of an outgoing_mail object (deliver/disable.cc writes them). Error: corrupt.
Result<env::Mail> read_outgoing_mail(std::string_view document);

}  // namespace posthorn::app
