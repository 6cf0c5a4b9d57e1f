# Everything comes from Debian's packages (packaging/packages.txt lists them); nothing is downloaded here.
# External headers are system headers: their warnings are not ours.
find_package(Threads REQUIRED)
find_package(fmt REQUIRED)
find_package(simdjson REQUIRED)
find_package(OpenSSL REQUIRED)
find_package(ZLIB REQUIRED)
find_package(Boost 1.81 REQUIRED)
find_package(absl REQUIRED)
find_package(PkgConfig REQUIRED)

link_libraries(Threads::Threads)
if(TARGET simdjson::simdjson AND NOT TARGET simdjson)
  add_library(simdjson ALIAS simdjson::simdjson)
endif()

pkg_check_modules(RE2 REQUIRED IMPORTED_TARGET re2)
add_library(re2 ALIAS PkgConfig::RE2)

pkg_check_modules(ICU REQUIRED IMPORTED_TARGET icu-i18n)
add_library(icu ALIAS PkgConfig::ICU)

find_library(GEOS_LIBRARY geos_c REQUIRED)
add_library(geos INTERFACE)
target_link_libraries(geos INTERFACE ${GEOS_LIBRARY})

pkg_check_modules(PROJ REQUIRED IMPORTED_TARGET proj)
add_library(proj ALIAS PkgConfig::PROJ)

find_library(ROARING_LIBRARY roaring REQUIRED)
add_library(roaring INTERFACE)
target_link_libraries(roaring INTERFACE ${ROARING_LIBRARY})

find_package(RocksDB REQUIRED)
add_library(rocksdb INTERFACE)
target_link_libraries(rocksdb INTERFACE RocksDB::rocksdb-shared)

pkg_check_modules(EXPAT REQUIRED IMPORTED_TARGET expat)
add_library(expat ALIAS PkgConfig::EXPAT)

pkg_check_modules(ZIP REQUIRED IMPORTED_TARGET libzip)
add_library(zip ALIAS PkgConfig::ZIP)

pkg_check_modules(ZSTD REQUIRED IMPORTED_TARGET libzstd)
add_library(zstd ALIAS PkgConfig::ZSTD)
pkg_check_modules(MOSQUITTO REQUIRED IMPORTED_TARGET libmosquitto)
add_library(mosquitto ALIAS PkgConfig::MOSQUITTO)

find_package(CLI11 REQUIRED)
find_package(tomlplusplus REQUIRED)
add_library(tomlplusplus ALIAS tomlplusplus::tomlplusplus)

if(MADANG_TESTS)
  find_package(GTest REQUIRED)
  find_library(RAPIDCHECK_LIBRARY rapidcheck REQUIRED)
  add_library(rapidcheck INTERFACE)
  target_link_libraries(rapidcheck INTERFACE ${RAPIDCHECK_LIBRARY})
endif()

find_program(CCACHE ccache)
if(CCACHE)
  set(CMAKE_CXX_COMPILER_LAUNCHER "${CCACHE}")
endif()
find_program(MOLD mold)
if(MOLD)
  add_link_options(-fuse-ld=mold)
endif()
