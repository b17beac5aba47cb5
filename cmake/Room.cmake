# fan_room(NAME [LINKS ...]): a static library of every .cpp file in the current folder. Its headers are seen as "NAME/x.h" (through a
# folder of links in the build tree) by those targets only that link it, so an include across rooms that the architecture does not
# allow does not compile.
function(fan_room name)
  cmake_parse_arguments(ROOM "" "" "LINKS;PRIVATE_LINKS" ${ARGN})
  string(REPLACE "/" "_" target "fan_${name}")
  get_filename_component(parent ${name} DIRECTORY)
  set(include_root ${CMAKE_BINARY_DIR}/rooms/${target})
  file(MAKE_DIRECTORY ${include_root}/${parent})
  file(CREATE_LINK ${CMAKE_CURRENT_SOURCE_DIR} ${include_root}/${name} SYMBOLIC)
  file(GLOB sources CONFIGURE_DEPENDS *.cpp)
  if(sources)
    add_library(${target} STATIC ${sources})
    target_include_directories(${target} PUBLIC ${include_root})
    target_link_libraries(${target} PUBLIC ${ROOM_LINKS} PRIVATE ${ROOM_PRIVATE_LINKS})
  else()
    add_library(${target} INTERFACE)
    target_include_directories(${target} INTERFACE ${include_root})
    target_link_libraries(${target} INTERFACE ${ROOM_LINKS} ${ROOM_PRIVATE_LINKS})
  endif()
endfunction()

# fan_alone(SOURCE...): sources of the current folder that share a name with a neighbour in their unnamed namespaces, and so are compiled on
# their own where a build joins sources (CMAKE_UNITY_BUILD).
function(fan_alone)
  set_source_files_properties(${ARGN} PROPERTIES SKIP_UNITY_BUILD_INCLUSION ON)
endfunction()

# fan_tests(NAME [LINKS ...]): one GoogleTest program of every .cpp file in the current folder, each case known to CTest
# under the label NAME.
function(fan_tests name)
  cmake_parse_arguments(TESTS "" "" "LINKS" ${ARGN})
  file(GLOB sources CONFIGURE_DEPENDS *.cpp)
  if(NOT sources)
    return()
  endif()
  add_executable(fan_${name}_tests ${sources})
  if(CMAKE_UNITY_BUILD AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    # A joined source counts as a header there, whose tests are derived from what another source could not name; none wants to.
    target_compile_options(fan_${name}_tests PRIVATE -Wno-subobject-linkage)
  endif()
  target_link_libraries(fan_${name}_tests PRIVATE ${TESTS_LINKS} GTest::gtest GTest::gmock GTest::gtest_main)
  # Names as GoogleTest's own filter takes them, because ./check hands them to guest machines.
  gtest_discover_tests(fan_${name}_tests TEST_PREFIX "${name}." NO_PRETTY_TYPES NO_PRETTY_VALUES PROPERTIES LABELS ${name} TIMEOUT 300 DISCOVERY_TIMEOUT 60)
endfunction()
