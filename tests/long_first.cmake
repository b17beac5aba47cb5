# Read by CTest after the names of a program's tests. The longest begin first, or all would wait for one of them in the end; CTest learns that
# by itself, but from a run before.
foreach(test IN LISTS fan_netns_tests_TESTS fan_e2e_tests_TESTS)
  if(test MATCHES "Identity\\.(AMinuteWithoutCarrier|UpBeforeTheAddress)|EndpointWatch\\.Twenty|OtherFirewalls\\.|Registration\\.")
    set_tests_properties("${test}" PROPERTIES COST 60)
  endif()
endforeach()
