@H3 @programs
Feature: A gateway tells when it serves, and ends when it is told to
  Whoever supervises programs asks three things of each: that it says when it is
  ready, that it ends when it is asked to, and that it does so in good order.

  Scenario: It says that it serves
    Given the settings of a gateway that serves
    When a gateway is started with the settings as they are
    Then its log tells that it serves

  Scenario: It ends in good order
    Given the settings of a gateway that serves
    And a gateway was started with them
    When it is told to end
    Then it ends without an error
