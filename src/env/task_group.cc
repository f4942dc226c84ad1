#include "env/task_group.h"

#include <boost/system/system_error.hpp>

namespace posthorn::env {

void TaskGroup::report(std::string_view name, std::exception_ptr bug) {
  try {
    std::rethrow_exception(bug);
  } catch (const boost::system::system_error& error) {
    if (error.code() == asio::error::operation_aborted) return;  // cancelled, as asked
    log_.error("task.failed", {{"task", name}, {"what", error.what()}});
  } catch (const std::exception& error) {
    log_.error("task.failed", {{"task", name}, {"what", error.what()}});
  }
  if (on_bug_) on_bug_(bug);
}

}  // namespace posthorn::env
