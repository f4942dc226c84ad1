#pragma once
// The one coroutine type. Typed on io_context's own executor: no type erasure on the hot path.

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace posthorn {

namespace asio = boost::asio;
using executor = asio::io_context::executor_type;

/// A coroutine that runs on one io_context. Parameters that must outlive a suspension are taken
/// by value; services by reference.
template <class T = void>
using task = asio::awaitable<T, executor>;

/// The completion token of task: `co_await timer.async_wait(use_task);`
inline constexpr asio::use_awaitable_t<executor> use_task;

}  // namespace posthorn
