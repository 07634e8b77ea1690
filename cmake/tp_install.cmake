# SPDX-FileCopyrightText: 2026 The AeronTensorPool for C++ authors
# SPDX-License-Identifier: Apache-2.0

# Installs headers, library, programs, the CMake package `tensorpool` and the pkg-config module `tensorpool`.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

install(DIRECTORY include/tensorpool DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} PATTERN aravis_source.hpp EXCLUDE
        PATTERN trace_store.hpp EXCLUDE)
install(FILES ${PROJECT_BINARY_DIR}/include/tensorpool/version.hpp
        DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/tensorpool)
install(TARGETS tensorpool EXPORT tensorpool-targets)
install(DIRECTORY schemas/ DESTINATION ${CMAKE_INSTALL_DATADIR}/tensorpool/schemas FILES_MATCHING PATTERN *.xml)
if(TARGET tensorpool_aravis)
  install(FILES include/tensorpool/aravis_source.hpp DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/tensorpool)
  install(TARGETS tensorpool_aravis EXPORT tensorpool-targets)
endif()
if(TARGET tensorpool_trace_store)
  install(FILES include/tensorpool/trace_store.hpp DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/tensorpool)
  install(TARGETS tensorpool_trace_store EXPORT tensorpool-targets)
endif()
set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/tensorpool)
install(EXPORT tensorpool-targets NAMESPACE tensorpool:: DESTINATION ${package_dir})

configure_package_config_file(${CMAKE_CURRENT_LIST_DIR}/tensorpool-config.cmake.in
                              ${PROJECT_BINARY_DIR}/tensorpool-config.cmake INSTALL_DESTINATION ${package_dir})
# Before 1.0 a minor release may change the interface.
write_basic_package_version_file(${PROJECT_BINARY_DIR}/tensorpool-config-version.cmake
                                 COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/tensorpool-config.cmake ${PROJECT_BINARY_DIR}/tensorpool-config-version.cmake
        DESTINATION ${package_dir})

# A static library's own needs are the linker's business too.
if(BUILD_SHARED_LIBS)
  set(TP_PC_REQUIRES "Requires.private")
else()
  set(TP_PC_REQUIRES "Requires")
endif()
if(TP_HAVE_ISAL)
  set(TP_PC_ISAL " libisal")
endif()
# Aeron has no pkg-config module of its own.
set(TP_PC_LIBS "")
if(TP_HAVE_AERON AND NOT BUILD_SHARED_LIBS)
  get_filename_component(aeron_prefix ${aeron_DIR}/../../.. ABSOLUTE)
  set(TP_PC_LIBS " -L${aeron_prefix}/lib -Wl,-rpath,${aeron_prefix}/lib -laeron")
  if(TP_HAVE_AERON_DRIVER)
    string(APPEND TP_PC_LIBS " -laeron_driver")
  endif()
endif()
configure_file(${CMAKE_CURRENT_LIST_DIR}/tensorpool.pc.in ${PROJECT_BINARY_DIR}/tensorpool.pc @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/tensorpool.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)

# Units for systemd; tests/install/run has them verified.
if(TP_BUILD_APPS)
  set(units tensorpool-driver.service tensorpool-supervisor.service)
  if(TARGET tp-camera)
    list(APPEND units tensorpool-camera@.service)
  endif()
  foreach(unit IN LISTS units)
    configure_file(packaging/systemd/${unit}.in ${PROJECT_BINARY_DIR}/systemd/${unit} @ONLY)
    install(FILES ${PROJECT_BINARY_DIR}/systemd/${unit} DESTINATION lib/systemd/system)
  endforeach()
endif()
