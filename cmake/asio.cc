// Asio and Beast, compiled once for the whole program (see cmake/posthorn.cmake).
#include <boost/asio/impl/src.hpp>
#include <boost/asio/ssl/impl/src.hpp>
#include <boost/beast/src.hpp>
