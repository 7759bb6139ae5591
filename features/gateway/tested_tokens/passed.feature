@H5
Feature: What is told of a tested token comes from test runs
  Whoever chooses an HSM needs to know which were tested, and with which
  versions. A table that somebody writes by hand tells what somebody hoped.

  Scenario Outline: A token with which the tests passed
    Given the tests were run with the token "<token>" by every way
    When the table of tested tokens is made
    Then it tells the maker, versions and date of "<token>"
    And it tells of "<token>" how many tests passed by each way
    And the documents hold the same table

    Examples:
      | token       |
      | SoftHSM2    |
      | NSS softokn |
