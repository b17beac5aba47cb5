# fanctl.spdx.json: what the linked fanctl is made of, written at every build (see sbom.py). Without Python there is none.
find_package(Python3 COMPONENTS Interpreter)
if(NOT Python3_FOUND)
  message(WARNING "no Python 3: this build has no bill of materials")
  return()
endif()
# What has no library: found by one of its headers.
find_file(CLI11_HEADER CLI/CLI.hpp)
find_file(NLOHMANN_JSON_HEADER nlohmann/json.hpp)
find_file(FMT_HEADER fmt/format.h)
set(sbom_parts)
foreach(header ${CLI11_HEADER} ${NLOHMANN_JSON_HEADER} ${FMT_HEADER})
  list(APPEND sbom_parts --compiled-in ${header})
endforeach()
foreach(tool ${CMAKE_CXX_COMPILER} ${CMAKE_LINKER} ${CLANG} ${BPFTOOL} ${CMAKE_COMMAND})
  list(APPEND sbom_parts --tool ${tool})
endforeach()
get_target_property(sbom_bpf fan_bpf_object FAN_OBJECT)
set(sbom ${PROJECT_BINARY_DIR}/fanctl.spdx.json)
add_custom_command(
  OUTPUT ${sbom}
  COMMAND ${Python3_EXECUTABLE} ${CMAKE_CURRENT_LIST_DIR}/sbom.py --program $<TARGET_FILE:fanctl> --bpf ${sbom_bpf} --version ${PROJECT_VERSION} --out
          ${sbom} ${sbom_parts}
  DEPENDS fanctl fan_bpf_build ${CMAKE_CURRENT_LIST_DIR}/sbom.py
  VERBATIM)
add_custom_target(fan_sbom ALL DEPENDS ${sbom})
install(FILES ${sbom} DESTINATION ${CMAKE_INSTALL_DATADIR}/fanctl)
