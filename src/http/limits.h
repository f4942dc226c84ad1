#pragma once
// Every limit of the HTTP side in one table. Tested at the limit and one past it.

#include <cstddef>

#include "base/time.h"

namespace posthorn::http {

inline constexpr std::size_t head_bytes_max = 32 * 1024;   ///< Request line and header lines: 431.
inline constexpr std::size_t header_count_max = 100;       ///< 431.
inline constexpr std::size_t target_bytes_max = 8 * 1024;  ///< 414.
inline constexpr std::size_t method_bytes_max = 32;        ///< 400.
inline constexpr std::size_t chunk_line_bytes_max =
    1024;  ///< A chunk's size with its extensions: 400.
inline constexpr std::size_t chunk_extension_bytes_max = 16 * 1024;  ///< Of one body: 400.
inline constexpr std::size_t trailer_bytes_max = 4 * 1024;           ///< 431.
inline constexpr std::size_t body_bytes_max = 1024 * 1024;           ///< API and providers: 413.
inline constexpr std::size_t mail_wire_bytes_max = 40u << 20;        ///< Mail, as it comes: 413.
inline constexpr std::size_t inflate_ratio_max = 100;                ///< 413.
inline constexpr std::size_t host_bytes_max = 300;                   ///< A Host header: 400.
inline constexpr std::size_t linger_bytes_max =
    4u << 20;  ///< Read and thrown away behind a last answer, so that it arrives.
inline constexpr Millis linger_limit = 1s;

inline constexpr Millis first_byte_limit = 10s;
inline constexpr Millis head_limit = 10s;  ///< From its first byte to its last.
inline constexpr Millis body_limit = 30s;  ///< The whole of it; and never slower than body_floor.
inline constexpr std::size_t body_floor_bytes_per_second = 1024;
inline constexpr Millis body_floor_grace = 5s;  ///< Before the floor is looked at.
inline constexpr Millis idle_limit = 75s;       ///< Between two requests.
inline constexpr Millis write_limit = 30s;      ///< A peer that does not read.

inline constexpr int connections_per_address_max = 64;
inline constexpr int connections_max = 8192;

}  // namespace posthorn::http
