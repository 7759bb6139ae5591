@G3.1
Feature: A group is linked to another service
  Keys that already live in another key management service are used from here
  as they are, without moving them. The API key of an app there takes the place
  of slot and PIN.

  Background:
    Given the HSM is another service

  Scenario: A group of the other service's keys
    When the administrator links the group "Partner" to the HSM
    Then the group "Partner" is linked to another service

  @G3.4
  Scenario: A connection that works, before it is saved
    When the administrator tests the connection to the HSM
    Then it is connected

  @G3.4
  Scenario: A saved connection is tested with its saved API key
    Given the HSM group "Partner"
    When the administrator tests the saved connection of "Partner"
    Then it is connected

  @G3.4
  Scenario Outline: A connection that does not work says why
    When the administrator tests a connection with <fault>
    Then it is not connected because <reason>

    Examples:
      | fault            | reason                    |
      | nobody listening | the connection is refused |
      | a wrong PIN      | the PIN is incorrect      |
      | no PIN           | the PIN is missing        |

  @G3.4 @simulated
  Scenario: A wrong API key costs one attempt
    Given the HSM group "Partner" with a wrong PIN
    And the HSM has refused the PIN of "Partner"
    When the administrator syncs "Partner" three times
    Then it is not connected because the PIN is incorrect
    And the HSM has seen one login with a wrong PIN

  @G3.4
  Scenario: A corrected API key is used at once
    Given the HSM group "Partner" with a wrong PIN
    When the administrator corrects the PIN of "Partner"
    Then "Partner" is connected
