@H1 @programs
Feature: The RPM package holds what the Debian package holds
  Who runs another system finds the same program, unit and settings at the same
  places, and reads the same manual.

  Scenario Outline: Program, unit and settings are in it
    Given the RPM package of <program>
    When somebody looks into it
    Then it holds the program, the systemd unit and the settings of <program>
    And it holds nothing that the Debian package of <program> does not hold
    And it keeps the settings of <program> when they were changed
    And it makes the user <program> when it is installed

    Examples:
      | program       |
      | gatehouse-hmg |
      | gatehouse     |
