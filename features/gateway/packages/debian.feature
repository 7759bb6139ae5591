@H1 @programs
Feature: The Debian package installs program, unit and settings
  Operators install what the tools of their system can look at and take away
  again. Nothing runs before somebody has filled in the settings.

  Scenario Outline: Everything is in its place, and nothing is started
    Given a Debian without Gatehouse
    When the Debian package of <program> is installed
    Then the program <program> is there and tells its version
    And the systemd unit of <program> is there and is not enabled
    And the settings of <program> are there
    And the user <program> is there, who cannot log in

    Examples:
      | program       |
      | gatehouse-hmg |
      | gatehouse     |

  Scenario: Settings outlive the package
    Given a Debian without Gatehouse
    And the Debian package of gatehouse-hmg was installed
    And somebody has set HMG_LISTEN_PORT to 5442 in the settings of gatehouse-hmg
    When the Debian package of gatehouse-hmg is removed
    Then the program and the systemd unit of gatehouse-hmg are gone
    And the settings of gatehouse-hmg still set HMG_LISTEN_PORT to 5442
