// Boost.JSON's own code, once in the program: Debian has its headers and no library of it for Boost 1.81.

#include <boost/json/src.hpp>
