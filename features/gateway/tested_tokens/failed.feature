@H5
Feature: A token with which a test failed is told with the failure
  An owner of an HSM who runs the tests learns more from a failure than from a
  pass, and so does whoever reads the table later.

  Scenario: One test fails by one way
    Given the tests were run with the token "Strict HSM" and the test "open/mac" failed
    When the table of tested tokens is made
    Then it tells of "Strict HSM" that "open/mac" failed
